// Starts every part of the page, then the stream that feeds them.

import * as cast from './cast.js';
import * as channel from './channel.js';
import * as composer from './composer.js';
import * as console from './console.js';
import * as consoles from './consoles.js';
import * as faults from './faults.js';
import * as memory from './memory.js';
import * as modal from './modal.js';
import * as guide from './guide.js';
import * as pulse from './pulse.js';
import * as thread from './thread.js';
import * as trouble from './trouble.js';
import * as views from './views.js';
import * as world from './world.js';
import { follow } from './stream.js';

for (const part of [cast, channel, thread, composer, modal, guide, pulse, world, console, memory, consoles, faults, trouble, views]) part.start();
follow();
