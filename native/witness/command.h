// Any ESAPI command from its own function type: one row of the table in commands.cc each.
#pragma once

#include <array>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

#include "context.h"

namespace tessera::witness {

inline constexpr size_t kMaxHandles = 3;
inline constexpr size_t kSessions = 3;

struct Request {
  std::vector<uint32_t> handles;
  Bytes params;
  std::vector<Auth> auths;
};

// References for one call: the handles first, then the three sessions, as every Esys function takes them.
using References = std::array<ESYS_TR, kMaxHandles + kSessions>;
using Invoke = Bytes (*)(Context&, const References&, ByteView params);

struct Command {
  const char* name;
  size_t handles;
  bool sessions;
  Invoke invoke;
};

// The command's row, or nullptr.
const Command* find_command(std::string_view name);

// A hierarchy among the parameters (TPM2_LoadExternal): four octets on the wire, a reference in ESAPI.
struct Hierarchy {
  ESYS_TR reference;
};

// What an ESYS_TR* at the end of a signature stands for.
enum class Made { kNothing, kLoaded, kReference };

// --- One slot per C argument: `take` fills it from the request, `argument` hands it over, `give` writes its answer.

template <typename T>
struct InputValue {
  T value{};
  void take(Reader& in) { in.get(value); }
  T argument() { return value; }
  void give(Context&, Writer&) {}
};

template <>
struct InputValue<Hierarchy> {
  ESYS_TR value{};
  void take(Reader& in) {
    uint32_t handle = 0;
    in.get(handle);
    value = 0x100 + (handle & 0xff);
  }
  Hierarchy argument() { return {value}; }
  void give(Context&, Writer&) {}
};

template <typename T>
struct InputStruct {
  T value{};
  bool absent = false;
  void take(Reader& in) {
    // an absent private part is a null pointer in ESAPI
    if constexpr (std::is_same_v<T, TPM2B_SENSITIVE>) absent = in.take_empty();
    if (!absent) in.get(value);
  }
  const T* argument() { return absent ? nullptr : &value; }
  void give(Context&, Writer&) {}
};

template <typename T>
struct OutputValue {
  T value{};
  void take(Reader&) {}
  T* argument() { return &value; }
  void give(Context&, Writer& out) { out.put(value); }
};

template <typename T>
struct OutputStruct {
  T* value = nullptr;
  OutputStruct() = default;
  OutputStruct(const OutputStruct&) = delete;
  OutputStruct& operator=(const OutputStruct&) = delete;
  ~OutputStruct() { Esys_Free(value); }
  void take(Reader&) {}
  T** argument() { return &value; }
  void give(Context&, Writer& out) {
    if (value != nullptr) out.put(*value);
  }
};

template <Made made>
struct OutputReference {
  ESYS_TR value = ESYS_TR_NONE;
  void take(Reader&) {}
  ESYS_TR* argument() { return &value; }
  void give(Context& context, Writer& out) {
    if constexpr (made == Made::kLoaded) {
      out.put(context.adopt(value));
    } else if (value != ESYS_TR_NONE) {
      context.close(value);  // no such handle in the answer of the TPM: ESAPI's own convenience
    }
  }
};

template <typename Argument, Made made>
auto slot_type() {
  if constexpr (!std::is_pointer_v<Argument>) {
    return std::type_identity<InputValue<Argument>>{};
  } else {
    using Target = std::remove_pointer_t<Argument>;
    if constexpr (std::is_const_v<Target>) {
      return std::type_identity<InputStruct<std::remove_const_t<Target>>>{};
    } else if constexpr (std::is_pointer_v<Target>) {
      return std::type_identity<OutputStruct<std::remove_pointer_t<Target>>>{};
    } else if constexpr (made != Made::kNothing && std::is_same_v<Target, ESYS_TR>) {
      return std::type_identity<OutputReference<made>>{};
    } else {
      return std::type_identity<OutputValue<Target>>{};
    }
  }
}

template <auto function, size_t handles, size_t sessions, Made made>
struct Call;

template <typename... Arguments, TSS2_RC (*function)(ESYS_CONTEXT*, Arguments...), size_t handles, size_t sessions,
          Made made>
struct Call<function, handles, sessions, made> {
  static constexpr size_t kReferences = handles + sessions;
  static constexpr size_t kSlots = sizeof...(Arguments) - kReferences;
  using All = std::tuple<Arguments...>;
  template <size_t i>
  using Slot = typename decltype(slot_type<std::tuple_element_t<kReferences + i, All>, made>())::type;

  template <size_t... r, size_t... i>
  static Bytes run(Context& context, const References& references, ByteView params, std::index_sequence<r...>,
                   std::index_sequence<i...>) {
    std::tuple<Slot<i>...> slots;
    Reader in(params);
    (std::get<i>(slots).take(in), ...);
    if (!in.done()) throw BadRequest("params are longer than the command's");
    check(function(context.esys(), references[r < handles ? r : kMaxHandles + r - handles]...,
                   std::get<i>(slots).argument()...));
    Writer out;
    (std::get<i>(slots).give(context, out), ...);
    // the TPM's answer ends in the Name of what it loaded; ESAPI keeps that to itself
    if constexpr (made == Made::kLoaded) out.put(context.name(std::get<OutputReference<made>>(slots).value));
    return out.take();
  }

  static Bytes invoke(Context& context, const References& references, ByteView params) {
    return run(context, references, params, std::make_index_sequence<kReferences>{},
               std::make_index_sequence<kSlots>{});
  }
};

}  // namespace tessera::witness
