/**
 * Sums what the test projects reported: node scripts/tally.mjs FOLDER PROJECT...
 * The last line is "N passed, N failed". A project without a report, a file that could not be loaded, and
 * kernels that were never run on a GPU each count as a failure: a check that did not run has not passed.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder, ...projects] = process.argv.slice(2);
let passed = 0;
let failed = 0;
let skipped = 0;
const complain = (message) => {
  failed++;
  console.log(`FAILED  ${message}`);
};

for (const project of projects) {
  const path = join(folder, `${project}.json`);
  if (!existsSync(path)) {
    complain(`${project}: no report was written`);
    continue;
  }
  const report = JSON.parse(readFileSync(path, 'utf8'));
  let here = 0;
  let onGpu = 0;
  for (const file of report.testResults) {
    const states = file.assertionResults.map((test) => test.status);
    const good = states.filter((state) => state === 'passed').length;
    const bad = states.filter((state) => state === 'failed').length;
    here += good;
    failed += bad;
    skipped += states.length - good - bad;
    if (/[\\/]test[\\/]kernel[\\/]/.test(file.name)) onGpu += good;
    // A file can fail without any test of it failing: when it cannot be loaded, or in a hook.
    if (file.status === 'failed' && bad === 0) complain(`${project}: ${file.name}: ${file.message}`);
  }
  passed += here;
  if (here === 0) complain(`${project}: not one test passed`);
  if (project === 'browser' && onGpu === 0) complain('browser: no kernel was run on a GPU');
  if (!report.success && report.numFailedTests === 0 && report.numFailedTestSuites === 0) {
    complain(`${project}: the run ended with an error outside of any test`);
  }
}

if (skipped > 0) console.log(`${skipped} skipped`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
