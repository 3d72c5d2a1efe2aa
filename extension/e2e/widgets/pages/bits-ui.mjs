import { mount } from "svelte";
import Page from "./bits-ui.svelte";
import { root } from "./page.mjs";

mount(Page, { target: root });
