"""What the two programs consist of. They are built twice: as what is shipped, and as the next version of themselves,
which a test upgrades to (//tools/package:upgrade_test)."""

PREFORKD_DEPS = [
    "//master",
    "//worker/about",
    "//worker/gate/describe",
    "//worker/http/place",
    "//worker/module",
    "//worker/process",
    "//worker/services",
]

PREFORKCTL_DEPS = [
    "//common/about",
    "//common/base",
    "//common/control",
    "//master/ctl",
    "//tools/third_party:fmt",
]
