#include "worker/http/files/file_finder.h"

#include <cerrno>
#include <utility>

namespace preforkd::http {
namespace {

Finding Failed(int errnum) { return {.status = StatusOfErrno(errnum), .errnum = errnum}; }

}  // namespace

int StatusOfErrno(int errnum) {
  if (IsShortage(errnum)) return 503;
  switch (errnum) {
    case EACCES:
    case EPERM: return 403;
    // Not found, not a folder, an impossible name, a path out of the folder (EXDEV), a symlink loop, or a
    // socket or device without a driver: nothing to serve.
    default: return 404;
  }
}

Result<FileFinder> FileFinder::Make(const FileRules& rules) {
  Result<ServedRoot> root = ServedRoot::Open(rules.root, Now());
  if (!root.Ok()) return root.Err();
  return FileFinder(std::move(root).Value(), rules);
}

Finding FileFinder::Find(std::string_view path, Time now) {
  const bool folder = path.ends_with('/');
  // Relative to the root: the kernel refuses a path that begins with '/'.
  name_.assign(path.substr(1));
  if (folder) name_.append(index_);
  Beneath::Opened opened = root_.OpenFile(name_.c_str(), now);
  Finding finding;
  if (!opened.fd.Valid() && opened.errnum == ENOENT && folder && listing_) {
    name_.assign(path.size() > 1 ? path.substr(1) : ".");
    opened = root_.OpenBeside(name_.c_str());
    finding.kind = Finding::Kind::kList;
  }
  if (!opened.fd.Valid()) return Failed(opened.errnum);
  finding.fd = std::move(opened.fd);
  if (finding.kind == Finding::Kind::kList) return finding;
  if (::fstat(finding.fd.Get(), &finding.info) < 0) return Failed(errno);
  if (S_ISREG(finding.info.st_mode)) {
    finding.kind = Finding::Kind::kFile;
  } else if (S_ISDIR(finding.info.st_mode) && !folder) {
    finding.kind = Finding::Kind::kToFolder;
  }
  // Else a FIFO, a device, or a folder named like the index file.
  return finding;
}

}  // namespace preforkd::http
