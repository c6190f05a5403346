package redis

// The types of keys as the command TYPE calls them.
const (
	kindString = "string"
	kindHash   = "hash"
	kindList   = "list"
	kindSorted = "zset"
)

// key is the name of a key and the type that belongs there.
type key struct{ name, kind string }

// names makes the names of all keys of one installation. All of them carry
// the same hash tag, the part in braces, and therefore live in one cluster
// slot (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags).
//
// Scripts get the names they touch in KEYS. The two exceptions can only be
// known while a script runs, the records found through an index (list.lua, decided.lua)
// and those thrown away when a record is closed (commit.lua); these compose
// names from the tag and the words below, and so stay in the slot.
type names struct{ tag string }

func newNames(installation string) names { return names{"{rekey:" + installation + "}:"} }

// Per record, under "<tag><kind>:<key>".

// record: body, revision, open (1 or 0), timer (ms, 0 for none), lease of
// the last commit (empty after the creation), slots (one a line).
func (n names) record(k string) key { return key{n.tag + "record:" + k, kindHash} }

// events: the journal; the element at index i is event i+1, its first byte
// tells whether it was posted, the rest is the body.
func (n names) events(k string) key { return key{n.tag + "events:" + k, kindList} }

// outbox: "<seq> <time in microseconds>" for each event not delivered yet, in
// order.
func (n names) outbox(k string) key { return key{n.tag + "outbox:" + k, kindList} }

// refs: name of a message to its reference.
func (n names) refs(k string) key { return key{n.tag + "refs:" + k, kindHash} }

// decisions: name of a decision to its body; gone when the record is closed.
func (n names) decisions(k string) key { return key{n.tag + "decisions:" + k, kindHash} }

// lease: "<fence> <owner>"; it expires by itself.
func (n names) lease(k string) key { return key{n.tag + "lease:" + k, kindString} }

// Per installation.

// layout: the version of the stored form.
func (n names) layout() key { return key{n.tag + "layout", kindString} }

// tickets: the last ticket; see lua/prelude.lua.
func (n names) tickets() key { return key{n.tag + "tickets", kindString} }

// open: keys of open records by the ticket of their creation.
func (n names) open() key { return key{n.tag + "open", kindSorted} }

// closed: keys of closed records by the ticket of their closing.
func (n names) closed() key { return key{n.tag + "closed", kindSorted} }

// timers: keys of records by their timer in ms.
func (n names) timers() key { return key{n.tag + "timers", kindSorted} }

// pending: keys of records with rows waiting, by the time of the first row in
// microseconds.
func (n names) pending() key { return key{n.tag + "pending", kindSorted} }

// slots: slot to the key of the record that holds it.
func (n names) slots() key { return key{n.tag + "slots", kindHash} }

// found: reference to "<key>\n<name>", the way back from refs.
func (n names) found() key { return key{n.tag + "found", kindHash} }

// hints: names by their mark.
func (n names) hints() key { return key{n.tag + "hints", kindSorted} }

// once: exists while something counts as done; it expires by itself.
func (n names) once(name string) key { return key{n.tag + "once:" + name, kindString} }

// The pub/sub channels; they are no keys.

// wake: a record got a timer earlier than it had.
func (n names) wake() string { return n.tag + "wake" }

// news: an event was posted, or a hint was left.
func (n names) news() string { return n.tag + "news" }
