"""What all tests run with."""

import os

# gRPC, once a test has loaded it, would take part in each later fork of its
# process, and may abort a child that has nothing to do with it.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
