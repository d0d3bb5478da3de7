// witness SOCKET: an ESAPI client that shares no code with Tessera. Tests use it as an attacker and as a second
// opinion on Tessera's own TPM layer; nothing of it is shipped.
//
// One request a line, one answer a line; octets, handles and flags in hex. Answers: `ok [HEX..]`, `rc 0xXXXXXXXX`
// (TSS2_RC with its layer; plain TPM codes have layer 0), `err TEXT` for a request that makes no sense.
//
//   call NAME [handles=H,H] [params=HEX] [auths=A,A,A]   A: pw:AUTH | s:HANDLE[:FLAGS[:AUTH]] | none
//   start hmac|policy|trial [salt=H] [bind=H] [sym=null|aes128cfb] [hash=sha256|sha384] [nonce=HEX]
//   nonce H | setauth H HEX | raw HEX | reset
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "request.h"

int main(int argc, char** argv) {
  using namespace tessera::witness;
  if (argc != 2) {
    std::fputs("usage: witness SOCKET\n", stderr);
    return 2;
  }
  setenv("TSS2_LOG", "all+NONE", 0);  // the answer line says it all
  try {
    Context context(argv[1]);
    std::cout << "ok" << std::endl;
    for (std::string line; std::getline(std::cin, line);) std::cout << answer(context, line) << std::endl;
  } catch (const std::exception& error) {
    std::cout << "err " << error.what() << std::endl;
    return 1;
  } catch (const Refused& refused) {
    std::cout << "rc " << refused.rc << std::endl;
    return 1;
  }
  return 0;
}
