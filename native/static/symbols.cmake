# cmake -DOBJECTS=a.o|b.o -DOUT=symbols.cc -P symbols.cmake
#
# The functions of libtss2 and libtpms that the objects look up by name, each with its address: what Library::symbol finds
# in a build that has those libraries inside. A name is a string in the object that looks it up, so none can be forgotten.
# A name that the libraries do not have stops the linker.
string(REPLACE "|" ";" objects "${OBJECTS}")
foreach(object IN LISTS objects)
  file(STRINGS ${object} found REGEX "^(Tss2_(MU|Sys)_[A-Za-z0-9_]+|TPMLIB_[A-Za-z]+|TPM_(Free|Malloc))$")
  list(APPEND names ${found})
endforeach()
list(REMOVE_DUPLICATES names)
list(SORT names)
list(LENGTH names count)
if(count LESS 100)
  message(FATAL_ERROR "Only ${count} names of functions were found in the objects. Has Library::symbol another caller now?")
endif()

set(declarations "")
set(rows "")
foreach(name IN LISTS names)
  string(APPEND declarations "void ${name}();\n")
  string(APPEND rows "    {\"${name}\", ${name}},\n")
endforeach()
file(WRITE ${OUT} "// Made by native/static/symbols.cmake.
#include <cstring>

#include \"common/library.h\"

extern \"C\" {
${declarations}}

namespace tessera {
namespace {

struct Row {
  const char* name;
  void (*function)();
};
constexpr Row kRows[] = {
${rows}};

}  // namespace

void* built_in(const char* name) {
  for (const Row& row : kRows) {
    if (strcmp(row.name, name) == 0) return reinterpret_cast<void*>(row.function);
  }
  return nullptr;
}

}  // namespace tessera
")
