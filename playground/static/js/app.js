// Starts the modules. Each enhances what the server rendered; pages are readable without them.
import { start as copy } from "./copy.js";
import { start as costs } from "./costs.js";
import { start as dialogs } from "./dialogs.js";
import { start as downloads } from "./downloads.js";
import { start as drawer } from "./drawer.js";
import { start as keys } from "./keys.js";
import { start as palette } from "./palette.js";
import { start as panels } from "./panels.js";
import { start as raw } from "./raw.js";
import { start as refresh } from "./refresh.js";
import { start as sidebar } from "./sidebar.js";
import { start as tables } from "./tables.js";
import { start as theme } from "./theme.js";
import { start as times } from "./times.js";
import { start as loading } from "./loading.js";

for (const part of [theme, sidebar, drawer, dialogs, downloads, tables, times, costs, raw, copy, panels, refresh, keys, palette, loading]) part();
