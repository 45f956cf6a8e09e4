// PreloadArea: the memory of what a service loads once and its workers share
// (worker/module/preload_module.h).
//
// The master makes it: a memory file, and a range of its own addresses in which nothing else may lie. Every
// child has that range too, so the data has the same address in each process and may hold pointers into
// itself. One child, which is thrown away, fills it. When that has ended the master seals the file: nobody
// can change it any more. Workers map it copy-on-write. The master itself never maps it and never reads it.
//
// Owns the file and the range; workers keep their mapping when it is destroyed.
#ifndef PREFORKD_COMMON_PROCESS_PRELOAD_AREA_H_
#define PREFORKD_COMMON_PROCESS_PRELOAD_AREA_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/config/module_declaration.h"

namespace preforkd {

// `bytes`, rounded up to whole pages: the kernel maps no part of one.
[[nodiscard]] std::size_t WholePages(std::uint64_t bytes);

class PreloadArea {
 public:
  // Master. Up to `max` bytes; memory is used only for what is written. Error: no descriptor, no addresses,
  // or RLIMIT_FSIZE is below `max`.
  static Result<std::unique_ptr<PreloadArea>> Create(std::uint64_t max);

  PreloadArea(const PreloadArea&) = delete;
  PreloadArea& operator=(const PreloadArea&) = delete;
  ~PreloadArea();

  // In the child that fills it, while the descriptor of the file is open. The memory is zero.
  [[nodiscard]] Result<std::span<std::byte>> MapToFill() const;
  // Master, when that child has ended. Error: the report cannot be true, or another process still writes.
  Status Seal(PreloadReport report);
  // In a worker, while the descriptor is open. Precondition: it was sealed.
  [[nodiscard]] Status MapToUse() const;

  // Precondition, for all below: it was sealed. Bytes that were used.
  [[nodiscard]] std::uint64_t Size() const { return report_.used; }
  // Where the data begins, in a worker that has mapped it.
  [[nodiscard]] void* Root() const { return base_ + report_.root; }
  [[nodiscard]] const std::string& Module() const { return report_.module; }

 private:
  PreloadArea(UniqueFd file, std::byte* base, std::size_t reserved)
      : file_(std::move(file)), base_(base), reserved_(reserved) {}

  UniqueFd file_;
  std::byte* base_;
  std::size_t reserved_;  // bytes of addresses, whole pages
  PreloadReport report_;
};

// By the name of the service.
using Preloads = std::map<std::string, std::shared_ptr<const PreloadArea>>;

}  // namespace preforkd

#endif
