// The cryptography of TPM sessions against published vectors. Built with the witness, against the system's libcrypto:
// the addon's own is inside Node, and its functions are not exported. One line a case; exit code 1 where one is wrong.
#include "../tpm/crypto.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "../common/failure.h"

namespace tessera {
namespace {

int failed = 0;

Bytes hex(std::string_view digits) {
  Bytes octets;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    octets.push_back(static_cast<uint8_t>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16)));
  }
  return octets;
}

ByteView text(std::string_view characters) {
  return {reinterpret_cast<const uint8_t*>(characters.data()), characters.size()};
}

void expect(const char* name, bool ok) {
  std::printf("%s %s\n", ok ? "ok" : "WRONG", name);
  failed += ok ? 0 : 1;
}

void expect(const char* name, ByteView got, std::string_view wanted) {
  const Bytes octets = hex(wanted);
  expect(name, std::equal(got.begin(), got.end(), octets.begin(), octets.end()));
}

void hashes() {
  // FIPS 180-4, examples of NIST.
  expect("SHA-256 abc", sha256({text("abc")}), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  expect("SHA-256 in parts", sha256({text("abcdbcdecdefdefgefghfghighij"), {}, text("hijkijkljklmklmnlmnomnopnopq")}),
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  // RFC 4231, 4.2 to 4.8; 4.6 is about truncation, which the TPM does not do.
  const Bytes twenty(20, 0x0b);
  expect("HMAC RFC 4231 case 1", hmac_sha256(twenty, {text("Hi There")}),
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  expect("HMAC RFC 4231 case 2", hmac_sha256(text("Jefe"), {text("what do ya want "), text("for nothing?")}),
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  expect("HMAC RFC 4231 case 3", hmac_sha256(Bytes(20, 0xaa), {Bytes(50, 0xdd)}),
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  expect("HMAC RFC 4231 case 4",
         hmac_sha256(hex("0102030405060708090a0b0c0d0e0f10111213141516171819"), {Bytes(50, 0xcd)}),
         "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
  const Bytes long_key(131, 0xaa);
  expect("HMAC RFC 4231 case 6",
         hmac_sha256(long_key, {text("Test Using Larger Than Block-Size Key - Hash Key First")}),
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  expect("HMAC RFC 4231 case 7",
         hmac_sha256(long_key, {text("This is a test using a larger than block-size key and a larger than block-size "
                                     "data. The key needs to be hashed before being used by the HMAC algorithm.")}),
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
  // A policy session without salt has no key at all.
  expect("HMAC, empty key and message", hmac_sha256({}, {}),
         "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

void ciphers() {
  // NIST SP 800-38A, F.3.13 and F.3.14: CFB128-AES128.
  const Bytes key = hex("2b7e151628aed2a6abf7158809cf4f3c");
  const Bytes iv = hex("000102030405060708090a0b0c0d0e0f");
  constexpr char kClear[] =
      "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17"
      "ad2b417be66c3710";
  constexpr char kSealed[] =
      "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b26751f67a3cbb140b1808cf187a4f4dfc04b05357c5d1c0e"
      "eac4c66f9ff7f2e6";
  Bytes data = hex(kClear);
  aes128_cfb(true, key, iv, data.data(), data.size());
  expect("AES-128-CFB F.3.13 encrypt", data, kSealed);
  aes128_cfb(false, key, iv, data.data(), data.size());
  expect("AES-128-CFB F.3.14 decrypt", data, kClear);
  // authValues are seldom whole blocks: what is there of a block is that block's beginning.
  for (const size_t size : {size_t{0}, size_t{1}, size_t{15}, size_t{17}, size_t{33}}) {
    Bytes part = hex(std::string_view(kClear).substr(0, 2 * size));
    aes128_cfb(true, key, iv, part.data(), part.size());
    expect("AES-128-CFB, part of a block", part, std::string_view(kSealed).substr(0, 2 * size));
  }
}

// Vectors of go-tpm (legacy/tpm2/test/kdf_test.go); those of KDFe were taken there from Microsoft's reference TPM.
struct KdfeVector {
  const char* name;
  const char* z;
  const char* party_u;
  const char* party_v;
  const char* key;  // of more than one block the first
};

constexpr KdfeVector kKdfe[] = {
    {"KDFe P-224", "6ed15c60fd433f5ddb280d7be43f8ac5a4524c13b92ff293619429ef",
     "af06e1a422edbe6f41e1f8b3ce0af21fc8b1013c1fc8d550ccaee66d",
     "a02e475ec753444d1bc1ad10bca3a7da72ee65297b04d5f42aa8812c",
     "33a199f324be5622494e7c79cb0c8c842273d7688d3a64da97fb48eaea44f0a3"},
    {"KDFe P-256", "69fd74d052a5cd9d6addf4ea791f4737eb297246dce604f6385c1392e0fb56b9",
     "c29f8cff1ce054ed5945abd393ee2eed3f67437d9db07b932156c65d32921373",
     "107937dc44e5bb5094d3d30a55efac77b6db3253ba42dabc804446b93864e055",
     "b15267e3f960f8f8f3b94ff3fc64119f6876974f984f82d50bd54abc7a6406e8"},
    {"KDFe P-384", "bb3a3f26d6810bff2967634995fd579f806fa68f0d9db5bd62d10c305ceaa9da8eec673ee08951bc63ae9c6fb5fe98b1",
     "20f0f40cf185ca07a45699f74a0719c621843e9d071e4f6be8c37abda838ee1a2a09824d226b36a7ae5018aa0997d617",
     "cb677d1274259f552aa45260d96546c53fe1a04af78a0c0cbbb4f43b327163c50d7608bc2cf64c1f2cbe799aaa9fbe6d",
     "9454b72eb50f0b2566246976a7445da1a1ebfa82c914c465ac754e941de0faaa"},
    {"KDFe longer than a hash", "1eb20a7556d7b7c91d7d6974c94a9bfbfaf12563cbde93b4056bb9b62b2b2382",
     "57eafee9cb12aeb7437dbce840aa9dbd596f3b10320ab06575b237f338fae6c2",
     "3099aa56bc2be9bcca324f03103a56ac03314d105f4dbc9032fe879fe9c0df68",
     "e0d256f05fceda6c5fe6b09fb5aabfaba5e4ca7c4312ecbe890f7c5747f5caad"},
};

void derivations() {
  const auto zero_ended = [](std::string_view word) { return join({text(word), Bytes(1)}); };
  expect("KDFa 128 bits", kdfa(zero_ended("yolo"), "IDENTITY", zero_ended("kek"), zero_ended("yoyo"), 128).view(),
         "d2d72cc7a8a5eb09e8c79012e2da9f22");
  expect("KDFa 1024 bits", kdfa(zero_ended("ca"), "IDENTITY", zero_ended("abc"), {}, 1024).view(),
         "1aae7151ac1a5690eda7dcabd56800c11c56a3810ba059826fe4776348d6ae8e5d5d18c7ccf8373f7b942ada8b912b12da56fb37f64b"
         "935872841ec07d38e1fb8e7ec86efcbfb444756bc8863f858d2690a621c9afb983cd77e7a1048ae1a7598ac895323d44c10227af0a00"
         "144cab55111075dc6b72ad6eb163c7458b878e8c");
  for (const KdfeVector& vector : kKdfe) {
    expect(vector.name, kdfe(hex(vector.z), "DUPLICATE", hex(vector.party_u), hex(vector.party_v)).view(), vector.key);
  }
}

void secrets() {
  expect("equal", equal_constant_time(text("same"), text("same")));
  expect("not equal", !equal_constant_time(text("same"), text("sane")));
  expect("not as long", !equal_constant_time(text("same"), text("sam")));
  Secret first(text("secret"));
  const Secret second(std::move(first));
  expect("moved", second.size() == 6 && first.empty());
  first = Secret(text("other"));
  first.wipe();
  expect("wiped", first.empty());
}

template <typename Work>
void refused(const char* name, const Work& work) {
  try {
    work();
    expect(name, false);
  } catch (const Failure& failure) {
    expect(name, failure.reason == "usage");
  }
}

void refusals() {
  const Bytes key(16);
  uint8_t octet = 0;
  refused("AES-128-CFB, key too short", [&] { aes128_cfb(true, ByteView(key).first(15), key, &octet, 1); });
  refused("AES-128-CFB, IV too long", [&] { aes128_cfb(true, key, Bytes(17), &octet, 1); });
  refused("salt to nothing", [] { make_salt({}); });
  refused("salt to noise", [] { make_salt(Bytes(90, 0xff)); });
}

}  // namespace
}  // namespace tessera

int main() {
  tessera::hashes();
  tessera::ciphers();
  tessera::derivations();
  tessera::secrets();
  tessera::refusals();
  return tessera::failed == 0 ? 0 : 1;
}
