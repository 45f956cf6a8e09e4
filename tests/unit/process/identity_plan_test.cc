// Which user workers change to, depending on the user that started the server, and the remark about it.
#include <doctest/doctest.h>

#include "common/process/identity_plan.h"

namespace preforkd::testing {
namespace {

constexpr Authority kRoot{0, true, true, true};
// Root in a container without capabilities.
constexpr Authority kPowerlessRoot{0, false, false, false};
constexpr Authority kUser{1000, false, false, false};
constexpr Authority kAblUser{1000, true, true, true};

Config Wanting(const std::string& user, const std::string& group, const std::string& chroot) {
  Config config;
  config.user = user;
  config.group = group;
  config.worker.chroot = chroot;
  return config;
}

}  // namespace

TEST_CASE("root does what is configured, and remarks only that workers stay root") {
  IdentityPlan plan = PlanIdentity(Wanting("www", "", "/srv"), kRoot);
  CHECK(plan.change_ids);
  CHECK(plan.change_root);
  CHECK(plan.remark.empty());
  plan = PlanIdentity(Wanting("", "", ""), kRoot);
  CHECK_FALSE(plan.change_ids);
  CHECK_FALSE(plan.change_root);
  CHECK(plan.remark == "user is not set: workers stay root, though without its capabilities");
  plan = PlanIdentity(Wanting("", "adm", ""), kRoot);
  CHECK(plan.change_ids);
  CHECK_FALSE(plan.remark.empty());
}

TEST_CASE("a root without capabilities tries all the same: its worker must not serve as root instead") {
  const IdentityPlan plan = PlanIdentity(Wanting("www", "", "/srv"), kPowerlessRoot);
  CHECK(plan.change_ids);
  CHECK(plan.change_root);
}

TEST_CASE("without root: one line names what is not in force, and the server starts") {
  IdentityPlan plan = PlanIdentity(Wanting("", "", ""), kUser);
  CHECK_FALSE(plan.change_ids);
  CHECK(plan.remark == "not started as root: workers are the same user as the master, uid 1000");
  plan = PlanIdentity(Wanting("www", "", "/srv"), kUser);
  CHECK_FALSE(plan.change_ids);
  CHECK_FALSE(plan.change_root);
  CHECK(plan.remark ==
        "not started as root: workers are the same user as the master, uid 1000; not in force: user and "
        "worker.chroot");
  plan = PlanIdentity(Wanting("www", "", "/srv"), kAblUser);
  CHECK(plan.change_ids);
  CHECK(plan.change_root);
  CHECK(plan.remark.empty());
}

TEST_CASE("a kernel without filters is reported, unless filters are off") {
  Config config;
  CHECK(FilterRemark(config, true).empty());
  CHECK(FilterRemark(config, false).find("workers may make every system call") != std::string::npos);
  config.worker.seccomp = CallFilter::kOff;
  CHECK(FilterRemark(config, false).empty());
}

}  // namespace preforkd::testing
