// How the browser tests run: one portal per worker, Debian's Chromium, hydrated on both databases and without JavaScript.
import { defineConfig } from "@playwright/test";
import type { Options } from "./support/test";

const OPERATOR = /(journey|jobs|lists|person|risk|grid|audit|palette|tasks|numbers|fits|early|pages|groups|groups-table|matrix|rules|trouble)\.spec/;

const postgres = process.env.QUARTERMASTER_TEST_POSTGRES;

export default defineConfig<Options, { storage: string; person: string }>({
  testDir: "tests",
  timeout: 120_000,
  expect: { timeout: 10_000 },
  fullyParallel: false,
  workers: 2,
  retries: 0,
  reporter: [["list"]],
  forbidOnly: !!process.env.CI,
  use: {
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
      ],
    },
    viewport: { width: 1600, height: 1000 },
    trace: "off",
  },
  projects: [
    { name: "sqlite", testIgnore: /(noscript|screenshots)\.spec/, use: { storage: "" } },
    ...(postgres
      ? // One after the other: servers of one database show what the others' jobs did, and each test has a tenant of its own.
        [{ name: "postgres", testMatch: /(journey|groups)\.spec/, workers: 1, use: { storage: `${postgres}/postgres` } }]
      : []),
    // The same, for people who sign in at the company's provider and have no more than a role.
    { name: "operator", testMatch: OPERATOR, use: { person: "otto" } },
    { name: "viewer", grep: /@reads/, testIgnore: /(noscript|screenshots)\.spec/, use: { person: "vera" } },
    { name: "no script", testMatch: /noscript\.spec/, use: { storage: "", javaScriptEnabled: false } },
    ...(process.env.SCREENSHOTS ? [{ name: "screenshots", testMatch: /screenshots\.spec/, use: { storage: "" } }] : []),
  ],
});
