// bare TCTI P-256|RSA-2048: what a program in C gets from the TPM by ESAPI: one key, loaded once, its password empty.
// TCTI is `libtpms` (in this process) or a string for the loader of tpm2-tss. No PIN is checked by anybody.
//
// One request a line: `run MS GAP`. Signs for MS milliseconds, GAP milliseconds apart (0: back to back), and answers
// {"ms":elapsed,"us":[of each signature]}. `ready` says that the key is loaded.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>

#include "tcti_libtpms.h"

enum { kMostSamples = 1 << 20 };

static void ensure(TSS2_RC rc, const char* what) {
  if (rc == TSS2_RC_SUCCESS) return;
  fprintf(stderr, "bare: %s: 0x%x\n", what, rc);
  exit(1);
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static const TPM2B_SENSITIVE_CREATE kNoSecret;
static const TPM2B_DATA kNoData;
static const TPML_PCR_SELECTION kNoPcr;

// A storage key as everybody makes it: P-256, AES-128-CFB.
static ESYS_TR storage_key(ESYS_CONTEXT* esys) {
  const TPM2B_PUBLIC template = {
      .publicArea = {.type = TPM2_ALG_ECC,
                     .nameAlg = TPM2_ALG_SHA256,
                     .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                         TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA |
                                         TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
                     .parameters.eccDetail = {
                         .symmetric = {.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB},
                         .scheme.scheme = TPM2_ALG_NULL,
                         .curveID = TPM2_ECC_NIST_P256,
                         .kdf.scheme = TPM2_ALG_NULL}}};
  ESYS_TR key = ESYS_TR_NONE;
  ensure(Esys_CreatePrimary(esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &kNoSecret, &template,
                            &kNoData, &kNoPcr, &key, NULL, NULL, NULL, NULL),
         "CreatePrimary");
  return key;
}

// A key of the same attributes as those of a card, but for the password in place of the policy.
static ESYS_TR signing_key(ESYS_CONTEXT* esys, ESYS_TR parent, int rsa) {
  TPM2B_PUBLIC template = {.publicArea = {.type = rsa ? TPM2_ALG_RSA : TPM2_ALG_ECC,
                                          .nameAlg = TPM2_ALG_SHA256,
                                          .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                                              TPMA_OBJECT_SENSITIVEDATAORIGIN |
                                                              TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA |
                                                              TPMA_OBJECT_DECRYPT | TPMA_OBJECT_SIGN_ENCRYPT}};
  if (rsa) {
    template.publicArea.parameters.rsaDetail =
        (TPMS_RSA_PARMS){.symmetric.algorithm = TPM2_ALG_NULL, .scheme.scheme = TPM2_ALG_NULL, .keyBits = 2048};
  } else {
    template.publicArea.parameters.eccDetail = (TPMS_ECC_PARMS){.symmetric.algorithm = TPM2_ALG_NULL,
                                                                .scheme.scheme = TPM2_ALG_NULL,
                                                                .curveID = TPM2_ECC_NIST_P256,
                                                                .kdf.scheme = TPM2_ALG_NULL};
  }
  TPM2B_PRIVATE* private = NULL;
  TPM2B_PUBLIC* public = NULL;
  ensure(Esys_Create(esys, parent, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &kNoSecret, &template, &kNoData,
                     &kNoPcr, &private, &public, NULL, NULL, NULL),
         "Create");
  ESYS_TR key = ESYS_TR_NONE;
  ensure(Esys_Load(esys, parent, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, private, public, &key), "Load");
  Esys_Free(private);
  Esys_Free(public);
  return key;
}

static void sign(ESYS_CONTEXT* esys, ESYS_TR key, int rsa) {
  static TPM2B_DIGEST digest = {.size = 32};
  ++digest.buffer[0];
  const TPMT_SIG_SCHEME scheme = {.scheme = rsa ? TPM2_ALG_RSASSA : TPM2_ALG_ECDSA,
                                  .details.any.hashAlg = TPM2_ALG_SHA256};
  const TPMT_TK_HASHCHECK not_hashed_here = {.tag = TPM2_ST_HASHCHECK, .hierarchy = TPM2_RH_NULL};
  TPMT_SIGNATURE* signature = NULL;
  ensure(Esys_Sign(esys, key, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &digest, &scheme, &not_hashed_here,
                   &signature),
         "Sign");
  Esys_Free(signature);
}

static void pause_for(long milliseconds) {
  const struct timespec time = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
  nanosleep(&time, NULL);
}

static void run(ESYS_CONTEXT* esys, ESYS_TR key, int rsa, long milliseconds, long gap) {
  static int64_t samples[kMostSamples];
  size_t count = 0;
  const int64_t start = now();
  const int64_t end = start + milliseconds * INT64_C(1000000);
  int64_t before = start;
  while (before < end && count < kMostSamples) {
    if (gap > 0) {
      pause_for(gap);
      before = now();
    }
    sign(esys, key, rsa);
    const int64_t after = now();
    samples[count++] = after - before;
    before = after;
  }
  printf("{\"ms\":%.3f,\"us\":[", (double)(before - start) / 1e6);
  for (size_t i = 0; i < count; ++i) printf("%s%.1f", i == 0 ? "" : ",", (double)samples[i] / 1e3);
  puts("]}");
}

int main(int argc, char** argv) {
  if (argc != 3 || (strcmp(argv[2], "P-256") != 0 && strcmp(argv[2], "RSA-2048") != 0)) {
    fputs("usage: bare libtpms|TCTI P-256|RSA-2048\n", stderr);
    return 2;
  }
  setenv("TSS2_LOG", "all+NONE", 0);
  setvbuf(stdout, NULL, _IOLBF, 0);
  const int rsa = strcmp(argv[2], "RSA-2048") == 0;
  TSS2_TCTI_CONTEXT* tcti = NULL;
  if (strcmp(argv[1], "libtpms") == 0) {
    tcti = tcti_libtpms();
    if (tcti == NULL) ensure(TSS2_TCTI_RC_IO_ERROR, "libtpms");
  } else {
    ensure(Tss2_TctiLdr_Initialize(argv[1], &tcti), "TCTI");
  }
  ESYS_CONTEXT* esys = NULL;
  ensure(Esys_Initialize(&esys, tcti, NULL), "ESAPI");
  const TSS2_RC started = Esys_Startup(esys, TPM2_SU_CLEAR);
  if (started != TPM2_RC_INITIALIZE) ensure(started, "Startup");
  const ESYS_TR key = signing_key(esys, storage_key(esys), rsa);
  puts("ready");
  char line[64];
  while (fgets(line, sizeof line, stdin) != NULL) {
    long milliseconds = 0;
    long gap = 0;
    if (sscanf(line, "run %ld %ld", &milliseconds, &gap) != 2) return 2;
    run(esys, key, rsa, milliseconds, gap);
  }
  return 0;
}
