// The key derivation of PKCS#12 (RFC 7292, B.2) in Node's OpenSSL, on a thread of libuv's pool; its type is in
// src/native.ts. Node has no function for it, and in JavaScript the rounds for a file of Firefox take twenty seconds.
#include <napi.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>

#include "../common/convert.h"

namespace tessera::kdf {

namespace {

constexpr uint32_t kMostOctets = 64;

class Derivation : public Napi::AsyncWorker {
 public:
  Derivation(const Napi::CallbackInfo& info, Napi::Promise::Deferred deferred)
      : Napi::AsyncWorker(info.Env(), "tessera:pkcs12Key"),
        hash_(to_text(info[0], "hash")),
        passphrase_(to_secret(info[1], "passphrase")),
        salt_(to_bytes(info[2], "salt")),
        purpose_(static_cast<int>(to_u32(info[3], "purpose", 3))),
        rounds_(static_cast<int>(to_u32(info[4], "rounds", INT32_MAX))),
        key_(to_u32(info[5], "length", kMostOctets)),
        deferred_(deferred) {}

  void Execute() override {
    ERR_set_mark();  // the next work of this thread finds no error of ours
    const EVP_MD* hash = EVP_get_digestbyname(hash_.c_str());
    if (hash == nullptr || PKCS12_key_gen_uni(passphrase_.data(), static_cast<int>(passphrase_.size()), salt_.data(),
                                              static_cast<int>(salt_.size()), purpose_, rounds_,
                                              static_cast<int>(key_.size()), key_.data(), hash) != 1) {
      SetError("OpenSSL derives no key in this way");
    }
    ERR_pop_to_mark();
  }

  void OnOK() override { deferred_.Resolve(to_js(Env(), key_.view())); }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  const std::string hash_;
  Secret passphrase_;
  Bytes salt_;
  const int purpose_;
  const int rounds_;
  Secret key_;
  const Napi::Promise::Deferred deferred_;
};

Napi::Value js_pkcs12_key(const Napi::CallbackInfo& info) {
  const auto deferred = Napi::Promise::Deferred::New(info.Env());
  auto derivation = std::make_unique<Derivation>(info, deferred);
  derivation->Queue();
  derivation.release();  // it deletes itself when it is done
  return deferred.Promise();
}

}  // namespace

void init(Napi::Env env, Napi::Object exports) {
  exports.Set("pkcs12Key", Napi::Function::New<js_pkcs12_key>(env, "pkcs12Key"));
}

}  // namespace tessera::kdf
