/**
 * Loaded into every thread of Sluice (`--import`) where its memory is measured: collects garbage once a second, so that what
 * is counted is what is needed.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options: object) => void;
// Gives unused pages back as well, which an ordinary collection leaves for later.
setInterval(() => collect({ type: 'major', flavor: 'last-resort' }), 1_000).unref();
