// A file of users with ann, whose password is "secret", and the fields that clients send. The hash is as
// cheap as bcrypt can be; tests that need a slow one have their own (guard_bed.h).
#ifndef PREFORKD_TESTS_UNIT_HTTP_USERS_H_
#define PREFORKD_TESTS_UNIT_HTTP_USERS_H_

#include <string>

namespace preforkd::testing {

inline constexpr const char* kUsersFile =
    "ann:$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n";
inline const std::string kAnn = "Authorization: Basic YW5uOnNlY3JldA==\r\n";  // ann:secret
inline const std::string kWrong = "Authorization: Basic YW5uOndyb25n\r\n";    // ann:wrong

}  // namespace preforkd::testing

#endif
