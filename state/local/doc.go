// Package local keeps workflow state in one file of this machine, for the day on
// which Redis is away and a leaked key cannot wait.
//
// # The model
//
// A [Journal] is a [Memory] whose changes are written down before they are made:
// each is one line of the file, with a checksum, and is on the disk before the
// caller hears of it. Opening the file makes the same changes again. What the
// process was about to write when it died is the last line, and half a line, or
// one with a wrong checksum, at the end is dropped: nobody was told that it was
// kept. Anywhere else it is damage, and the file is refused.
//
// One process has the file: it is locked until it is closed, and the system lets
// go of the lock with the process. Leases are kept in memory alone: who held one
// is gone. There is no secret value in the file, as there is none in Redis.
//
// [Journal.CopyTo] brings what is in the file into another store.
//
// # What may run twice
//
// What may run twice on any store, and copying: what has arrived is found there
// and not made again.
package local
