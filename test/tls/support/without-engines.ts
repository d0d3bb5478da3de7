// A Node whose OpenSSL has no engines, as a later one: a library before all others hides their functions from who asks.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { tempDir } from '../../support/temp.ts'

const SOURCE = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
void *dlsym(void *handle, const char *name) {
  static void *(*real)(void *, const char *);
  const char *versions[] = {"GLIBC_2.34", "GLIBC_2.17", "GLIBC_2.2.5"};
  for (int i = 0; real == 0 && i < 3; ++i) *(void **)&real = dlvsym(RTLD_NEXT, "dlsym", versions[i]);
  return strncmp(name, "ENGINE_", 7) == 0 ? 0 : real(handle, name);
}`

/** The environment of such a process. */
export function withoutEngines(): { readonly LD_PRELOAD: string } {
  const library = join(tempDir('without'), 'without.so')
  execFileSync('cc', ['-shared', '-fPIC', '-x', 'c', '-o', library, '-', '-ldl'], { input: SOURCE })
  return { LD_PRELOAD: `${process.env.LD_PRELOAD ?? ''} ${library}`.trim() }
}
