#include "commands.h"

#include <array>
#include <string>
#include <tuple>
#include <utility>

#include "marshal.h"
#include "message.h"

namespace tessera {
namespace {

void check(TSS2_RC rc, const char* what) {
  if (rc != TSS2_RC_SUCCESS) throw Failure(Layer::kSapi, rc, "usage", std::string("libtss2-sys refuses ") + what);
}

template <typename Pointer>
using Value = std::remove_const_t<std::remove_pointer_t<Pointer>>;

template <typename Argument, typename T>
Argument argument(T& value) {
  if constexpr (std::is_same_v<T, TPM2B_SENSITIVE>) {
    return value.size == 0 ? nullptr : &value;
  } else if constexpr (std::is_pointer_v<Argument>) {
    return &value;
  } else {
    return value;
  }
}

// Values that may be secret are not left on the stack.
template <typename Tuple>
struct Wiped {
  Tuple values{};
  ~Wiped() { OPENSSL_cleanse(&values, sizeof values); }
};

template <size_t kHandles, typename... Arguments>
struct Prepare {
  using Function = TSS2_RC(TSS2_SYS_CONTEXT*, Arguments...);
  using All = std::tuple<Arguments...>;
  template <size_t kIndex>
  using Parameter = std::tuple_element_t<kHandles + kIndex, All>;

  template <size_t... kH, size_t... kP>
  static void call(Function* function, TSS2_SYS_CONTEXT* context, [[maybe_unused]] const uint32_t* handles,
                   ByteView wire, std::index_sequence<kH...>, std::index_sequence<kP...>) {
    Wiped<std::tuple<Value<Parameter<kP>>...>> parsed;
    WireReader reader(wire);
    (reader.read(std::get<kP>(parsed.values)), ...);
    reader.end();
    check(function(context, handles[kH]..., argument<Parameter<kP>>(std::get<kP>(parsed.values))...), "a command");
  }

  static void run(Function* function, TSS2_SYS_CONTEXT* context, const uint32_t* handles, ByteView wire) {
    call(function, context, handles, wire, std::make_index_sequence<kHandles>(),
         std::make_index_sequence<sizeof...(Arguments) - kHandles>());
  }
};

template <size_t kHandles, typename... Arguments>
Prepare<kHandles, Arguments...> prepare_of(TSS2_RC (*)(TSS2_SYS_CONTEXT*, Arguments...));

template <typename... Results>
Bytes complete(TSS2_RC (*function)(TSS2_SYS_CONTEXT*, Results...), TSS2_SYS_CONTEXT* context) {
  Wiped<std::tuple<std::remove_pointer_t<Results>...>> parsed;
  const TSS2_RC rc = std::apply([&](auto&... value) { return function(context, &value...); }, parsed.values);
  if (rc != TSS2_RC_SUCCESS) malformed_answer(rc);
  WireWriter writer;
  std::apply([&](auto&... value) { (writer.write(value), ...); }, parsed.values);
  return writer.take();
}

// kOpen and kTold: a trace may show the parameters of the command, and of its answer. Tickets are secrets: with one,
// nobody needs the PIN while it is valid. So are what authorises, what is decrypted or agreed, and random numbers.
enum Trait : unsigned { kPlain = 0, kGives = 1, kSlow = 2, kOpen = 4, kTold = 8, kBoth = kOpen | kTold };

#define ROW(NAME, HANDLES, TRAITS)                                                                                                                    \
  CommandRow {                                                                                                                                        \
#NAME, TPM2_CC_##NAME, HANDLES, ((TRAITS)&kGives) != 0, ((TRAITS)&kOpen) != 0, ((TRAITS)&kTold) != 0, ((TRAITS)&kSlow) != 0,                        \
        [](TSS2_SYS_CONTEXT* context, const uint32_t* handles, ByteView wire) {                               \
          using Shape = decltype(prepare_of<HANDLES>(&Tss2_Sys_##NAME##_Prepare));                            \
          static auto* found = tss2_sys().function<Shape::Function>("Tss2_Sys_" #NAME "_Prepare");            \
          Shape::run(found, context, handles, wire);                                                          \
        },                                                                                                    \
        [](TSS2_SYS_CONTEXT* context) {                                                                       \
          static auto* found =                                                                                \
              tss2_sys().function<decltype(Tss2_Sys_##NAME##_Complete)>("Tss2_Sys_" #NAME "_Complete");       \
          return complete(found, context);                                                                    \
        } \
  }

// clang-format off
const std::array kCommands{
    // Start-up, Part 3 section 9-10
    ROW(Startup, 0, kSlow | kBoth),
    ROW(Shutdown, 0, kSlow | kBoth),
    ROW(GetTestResult, 0, kBoth),
    // Sessions, 11
    ROW(StartAuthSession, 2, kGives | kBoth),
    ROW(PolicyRestart, 1, kBoth),
    // Objects, 12; duplication, 13
    ROW(Create, 1, kSlow | kTold),
    ROW(Load, 1, kGives | kBoth),
    ROW(LoadExternal, 0, kGives | kTold),
    ROW(ReadPublic, 1, kBoth),
    ROW(Unseal, 1, kPlain),
    ROW(Import, 1, kSlow),
    ROW(ActivateCredential, 2, kPlain),
    // Asymmetric primitives, 14
    ROW(RSA_Decrypt, 1, kOpen),
    ROW(ECDH_ZGen, 1, kOpen),
    // Random numbers, 16
    ROW(GetRandom, 0, kPlain),
    // Attestation, 18; signatures, 20
    ROW(Certify, 2, kBoth),
    ROW(CertifyCreation, 2, kBoth),
    ROW(VerifySignature, 1, kOpen),
    ROW(Sign, 1, kBoth),
    // Enhanced authorisation, 23
    ROW(PolicySigned, 2, kPlain),
    ROW(PolicySecret, 2, kOpen),
    ROW(PolicyTicket, 1, kPlain),
    ROW(PolicyAuthorize, 1, kPlain),
    ROW(PolicyCommandCode, 1, kBoth),
    ROW(PolicyCpHash, 1, kBoth),
    ROW(PolicyNvWritten, 1, kBoth),
    ROW(PolicyGetDigest, 1, kBoth),
    // Hierarchies, 24; dictionary attack, 25
    ROW(CreatePrimary, 1, kGives | kSlow | kTold),
    ROW(HierarchyChangeAuth, 1, kPlain),
    ROW(DictionaryAttackLockReset, 1, kBoth),
    // Context management, 28
    ROW(FlushContext, 1, kBoth),
    ROW(EvictControl, 2, kBoth),
    // Clock, 29; capabilities, 30
    ROW(ReadClock, 0, kBoth),
    ROW(GetCapability, 0, kBoth),
    // Non-volatile storage, 31
    ROW(NV_DefineSpace, 1, kPlain),
    ROW(NV_UndefineSpace, 2, kBoth),
    ROW(NV_ReadPublic, 1, kBoth),
    ROW(NV_Write, 2, kBoth),
    ROW(NV_Read, 2, kBoth),
    ROW(NV_ChangeAuth, 1, kPlain),
    ROW(NV_Certify, 3, kBoth),
};
// clang-format on
#undef ROW

}  // namespace

std::span<const CommandRow> commands() {
  return kCommands;
}

const CommandRow& find_command(TPM2_CC code) {
  static const std::array rows = [] {
    std::array<const CommandRow*, TPM2_CC_LAST - TPM2_CC_FIRST + 1> by_code{};
    for (const CommandRow& row : kCommands) by_code.at(row.code - TPM2_CC_FIRST) = &row;
    return by_code;
  }();
  const size_t at = size_t{code} - TPM2_CC_FIRST;  // below the first it wraps around
  if (at >= rows.size() || rows[at] == nullptr) {
    throw Failure(Layer::kSapi, 0, "usage", "There is no TPM command of the code " + std::to_string(code) + " here.");
  }
  return *rows[at];
}

}  // namespace tessera
