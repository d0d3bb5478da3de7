#include "tcti_libtpms.h"

#include <libtpms/tpm_error.h>
#include <libtpms/tpm_library.h>
#include <libtpms/tpm_nvfilename.h>
#include <stdlib.h>
#include <string.h>

enum { kMagic = 0x42415245, kMost = 4096 };

static unsigned char* state;
static uint32_t state_size;

static TPM_RESULT nv_init(void) {
  return TPM_SUCCESS;
}

static TPM_RESULT nv_load(unsigned char** data, uint32_t* length, uint32_t number, const char* name) {
  (void)number;
  if (state == NULL || strcmp(name, TPM_PERMANENT_ALL_NAME) != 0) return TPM_RETRY;  // there is none yet
  *data = malloc(state_size);
  if (*data == NULL) return TPM_FAIL;
  memcpy(*data, state, state_size);
  *length = state_size;
  return TPM_SUCCESS;
}

static TPM_RESULT nv_store(const unsigned char* data, uint32_t length, uint32_t number, const char* name) {
  (void)number;
  if (strcmp(name, TPM_PERMANENT_ALL_NAME) != 0) return TPM_SUCCESS;
  unsigned char* copy = malloc(length);
  if (copy == NULL) return TPM_FAIL;
  memcpy(copy, data, length);
  free(state);
  state = copy;
  state_size = length;
  return TPM_SUCCESS;
}

static TPM_RESULT nv_delete(uint32_t number, const char* name, TPM_BOOL must_exist) {
  (void)number;
  (void)name;
  (void)must_exist;
  return TPM_SUCCESS;
}

static TPM_RESULT io_init(void) {
  return TPM_SUCCESS;
}

static TPM_RESULT io_locality(TPM_MODIFIER_INDICATOR* locality, uint32_t number) {
  (void)number;
  *locality = 0;
  return TPM_SUCCESS;
}

static TPM_RESULT io_presence(TPM_BOOL* present, uint32_t number) {
  (void)number;
  *present = FALSE;
  return TPM_SUCCESS;
}

// libtpms grows this buffer and uses it again: no allocation for each command.
static unsigned char* answer;
static uint32_t answer_size;
static uint32_t answer_room;

static TSS2_RC transmit(TSS2_TCTI_CONTEXT* context, size_t size, const uint8_t* command) {
  (void)context;
  // It does not write to the command, though its type says so.
  const TPM_RESULT rc =
      TPMLIB_Process(&answer, &answer_size, &answer_room, (unsigned char*)(uintptr_t)command, (uint32_t)size);
  return rc == TPM_SUCCESS ? TSS2_RC_SUCCESS : TSS2_TCTI_RC_IO_ERROR;
}

static TSS2_RC receive(TSS2_TCTI_CONTEXT* context, size_t* size, uint8_t* response, int32_t timeout) {
  (void)context;
  (void)timeout;
  if (response == NULL) {
    *size = kMost;
    return TSS2_RC_SUCCESS;
  }
  if (*size < answer_size) return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
  memcpy(response, answer, answer_size);
  *size = answer_size;
  return TSS2_RC_SUCCESS;
}

TSS2_TCTI_CONTEXT* tcti_libtpms(void) {
  static struct libtpms_callbacks callbacks = {
      .sizeOfStruct = sizeof callbacks,
      .tpm_nvram_init = nv_init,
      .tpm_nvram_loaddata = nv_load,
      .tpm_nvram_storedata = nv_store,
      .tpm_nvram_deletename = nv_delete,
      .tpm_io_init = io_init,
      .tpm_io_getlocality = io_locality,
      .tpm_io_getphysicalpresence = io_presence,
  };
  static TSS2_TCTI_CONTEXT_COMMON_V2 context = {
      .v1 = {.magic = kMagic, .version = 2, .transmit = transmit, .receive = receive},
  };
  const int failed = TPMLIB_ChooseTPMVersion(TPMLIB_TPM_VERSION_2) != TPM_SUCCESS ||
                     TPMLIB_RegisterCallbacks(&callbacks) != TPM_SUCCESS || TPMLIB_MainInit() != TPM_SUCCESS;
  return failed ? NULL : (TSS2_TCTI_CONTEXT*)&context;
}
