#include <string_view>

#include "command.h"

namespace tessera::witness {
namespace {

// ESAPI has the hierarchy among the parameters as a reference; on the wire it is a parameter of four octets.
TSS2_RC load_external(ESYS_CONTEXT* esys, ESYS_TR s1, ESYS_TR s2, ESYS_TR s3, const TPM2B_SENSITIVE* inPrivate,
                      const TPM2B_PUBLIC* inPublic, Hierarchy hierarchy, ESYS_TR* made) {
  return Esys_LoadExternal(esys, s1, s2, s3, inPrivate, inPublic, hierarchy.reference, made);
}

template <auto function, size_t handles, Made made = Made::kNothing, size_t sessions = kSessions>
constexpr Command row(const char* name) {
  return {name, handles, sessions != 0, Call<function, handles, sessions, made>::invoke};
}

#define ROW(NAME, ...) row<Esys_##NAME, __VA_ARGS__>(#NAME)

// Name, number of handles, what the trailing ESYS_TR is, number of sessions.
constexpr Command kCommands[] = {
    ROW(ActivateCredential, 2),
    ROW(Certify, 2),
    ROW(CertifyCreation, 2),
    ROW(Clear, 1),
    ROW(Create, 1),
    ROW(CreatePrimary, 1, Made::kLoaded),
    ROW(DictionaryAttackLockReset, 1),
    ROW(DictionaryAttackParameters, 1),
    ROW(Duplicate, 2),
    ROW(ECDH_KeyGen, 1),
    ROW(ECDH_ZGen, 1),
    ROW(EvictControl, 2, Made::kReference),
    ROW(FlushContext, 1, Made::kNothing, 0),
    ROW(GetCapability, 0),
    ROW(GetRandom, 0),
    ROW(GetTestResult, 0),
    ROW(HMAC, 1),
    ROW(HierarchyChangeAuth, 1),
    ROW(Import, 1),
    ROW(Load, 1, Made::kLoaded),
    row<load_external, 0, Made::kLoaded>("LoadExternal"),
    ROW(MakeCredential, 1),
    ROW(NV_Certify, 3),
    ROW(NV_ChangeAuth, 1),
    ROW(NV_DefineSpace, 1, Made::kReference),
    ROW(NV_Read, 2),
    ROW(NV_ReadPublic, 1),
    ROW(NV_UndefineSpace, 2),
    ROW(NV_Write, 2),
    ROW(ObjectChangeAuth, 2),
    ROW(PolicyAuthValue, 1),
    ROW(PolicyAuthorize, 1),
    ROW(PolicyCommandCode, 1),
    ROW(PolicyCpHash, 1),
    ROW(PolicyDuplicationSelect, 1),
    ROW(PolicyGetDigest, 1),
    ROW(PolicyNV, 3),
    ROW(PolicyNvWritten, 1),
    ROW(PolicyOR, 1),
    ROW(PolicyPassword, 1),
    ROW(PolicyRestart, 1),
    ROW(PolicySecret, 2),
    ROW(PolicySigned, 2),
    ROW(PolicyTicket, 1),
    ROW(RSA_Decrypt, 1),
    ROW(RSA_Encrypt, 1),
    ROW(ReadClock, 0),
    ROW(ReadPublic, 1),
    ROW(Shutdown, 0),
    ROW(Sign, 1),
    ROW(Startup, 0, Made::kNothing, 0),
    ROW(Unseal, 1),
    ROW(VerifySignature, 1),
};

#undef ROW

}  // namespace

const Command* find_command(std::string_view name) {
  for (const Command& command : kCommands) {
    if (name == command.name) return &command;
  }
  return nullptr;
}

}  // namespace tessera::witness
