// ModuleDeclaration as bytes: between the process that opened a module and the master, and in the state that
// one program hands to the next (upgrade). Text in UTF-8. Reads what it knows and leaves out the rest, so
// that programs of several versions understand each other.
#ifndef PREFORKD_COMMON_CONFIG_MODULE_CODEC_H_
#define PREFORKD_COMMON_CONFIG_MODULE_CODEC_H_

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/config/module_declaration.h"

namespace preforkd {

// The declaration, or why there is none.
std::string EncodeModule(const Result<ModuleDeclaration>& module);
// What EncodeModule was given. Any other bytes are an error too. The settings still need CheckSettings().
Result<ModuleDeclaration> DecodeModule(std::string_view bytes);

// The same for what a process has preloaded, or why it could not.
std::string EncodePreload(const Result<PreloadReport>& report);
Result<PreloadReport> DecodePreload(std::string_view bytes);

}  // namespace preforkd

#endif
