// Has this process's vaults run the host that make bench times: it differs in
// that it releases more codes than six a minute.

import { join } from "node:path";

process.env.CODEFOB ??= join(import.meta.dirname, "../../../build/codefob-bench");
