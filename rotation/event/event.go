// Package event is what a rotation's journal holds: one event per effect,
// decision and finding, in order, with a stored form that outlives the
// program that wrote it.
//
// An event is written before the effect it announces ([Intent]) and after
// ([Done], [Retrying], [Stopped]). People are shown the events that are meant
// for them ([Event.Posted]); intents are kept and not shown. Events hold
// names, ids, versions, fingerprints and sentences, never a secret value.
package event

import (
	"encoding/json"
	"fmt"
	"time"
)

// Kind says what an event is. Kinds are stored: renaming one breaks old
// journals.
type Kind string

// The kinds.
const (
	Started   Kind = "started"   // somebody asked for a rotation; By
	Intent    Kind = "intent"    // an effect is about to be made; Step
	Done      Kind = "done"      // a step was finished; Step, Text
	Waiting   Kind = "waiting"   // a step waits for something outside; Step, Text
	Retrying  Kind = "retrying"  // a step will be tried again; Step, Reason, Text
	Stopped   Kind = "stopped"   // nothing goes on until a person acts; Step, Reason, Text
	Swept     Kind = "swept"     // a credential of ours that nobody ever used is being deleted; Facts["id"]
	Guide     Kind = "guide"     // a person is asked to make a credential; Step, Text, Facts["console"], ["label"], ["inbox"]
	Unfit     Kind = "unfit"     // what a person handed over was not taken; Step, Text
	Watching  Kind = "watching"  // a watch began; Step, Facts["watch"] is its number, Text
	Verdict   Kind = "verdict"   // a watch ended; Step, Facts["watch"] and ["verdict"], Text
	Scope     Kind = "scope"     // the watch follows a newer deployment; Facts["deployment"]
	Card      Kind = "card"      // an approval is asked for; Card
	Overtaken Kind = "overtaken" // a routine rotation became an emergency; By, Text
	// TurnedBack: it goes back to the old credential; By, or Rekey itself, Text,
	// Facts["from"], ["step"].
	TurnedBack Kind = "turned back"

	Nagged     Kind = "nagged"     // an emergency's card still waits; Card, Text
	Void       Kind = "void"       // an approval card no longer counts; Card, Text
	Approved   Kind = "approved"   // Card, By, Path
	Denied     Kind = "denied"     // Card, By, Path, Facts["reason"] in the person's own words
	Expired    Kind = "expired"    // Card
	Cancelled  Kind = "cancelled"  // By
	Retried    Kind = "retried"    // somebody asked to go on; By
	Overridden Kind = "overridden" // somebody went on without a proof; By, Path, Step, Text, Facts["reason"] in the person's own words
	Pending    Kind = "pending"    // both credentials live; the old one waits to be revoked
	Dead       Kind = "dead"       // the death certificate; Facts
	Revived    Kind = "revived"    // an old credential that was proved dead is accepted again; Step, Text, Facts["id"], ["answer"]
	// Uncontained: all was done, and the leaked credential lives on; Step, Text,
	// Facts["contained"] is "false", Facts["old_key_dead_at"].
	Uncontained Kind = "uncontained"

	Audited  Kind = "audited"  // what the sources tell of a leaked credential; Text, Facts
	Reported Kind = "reported" // the rotation is finished; Facts
	// Dwindling: after a rollback an application runs on a credential that dies by
	// itself; Step, Text, Facts["dies"].
	Dwindling Kind = "dwindling"
	Deadline  Kind = "deadline" // an old credential dies before its environment is proved on the new one; Step, Text, Facts["dies"]

	// Of a batch of emergencies, which is no rotation.
	Joined Kind = "joined" // a rotation's card is asked on one of the batch's; Card, Text
	Rounds Kind = "rounds" // people are needed at consoles; Text, Facts by secret and key
	Tabled Kind = "tabled" // nothing of it moves any more; Text, Facts by secret

	// Of the calendar, which is no rotation.
	Digest    Kind = "digest"    // what is due is told; Facts["tick"]
	Snoozed   Kind = "snoozed"   // somebody does not want to be reminded; By, Facts["secret"], Facts["until"]
	Unsnoozed Kind = "unsnoozed" // somebody wants to be reminded again; By, Facts["secret"]
)

// Version of the stored form written by this program.
const Version = 1

// Event is one line of the journal.
type Event struct {
	Seq    int64             `json:"-"` // within the rotation; assigned by the store
	V      int               `json:"v"`
	At     time.Time         `json:"at"`
	Kind   Kind              `json:"kind"`
	Step   string            `json:"step,omitempty"`   // as plan steps print: "deploy(production)"
	By     string            `json:"by,omitempty"`     // a person's id, "" for Rekey itself
	Path   string            `json:"path,omitempty"`   // how a decision came: "emoji", "button"
	Reason string            `json:"reason,omitempty"` // a fault.Reason
	Text   string            `json:"text,omitempty"`   // one sentence for people
	Card   int               `json:"card,omitempty"`   // number of the approval card
	Facts  map[string]string `json:"facts,omitempty"`  // names and figures, for people and for audit
}

// Posted reports whether people see the event in the thread. Intents are for
// the journal, and so is a step that has nothing to say.
func (e Event) Posted() bool {
	switch e.Kind {
	case Intent, Snoozed, Unsnoozed:
		return false
	case Done, Waiting, Retrying:
		return e.Text != ""
	default:
		return true
	}
}

// Urgent reports whether the event needs a person: it is a message of its own
// with a mention, never merged with others.
func (e Event) Urgent() bool {
	switch e.Kind {
	case Card, Nagged, Overtaken, TurnedBack, Guide, Rounds, Stopped, Pending, Expired, Denied, Deadline, Dwindling, Revived, Uncontained:
		return true
	default:
		return false
	}
}

// Encode returns the stored form.
func (e Event) Encode() ([]byte, error) {
	e.V = Version
	body, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encoding event %s: %w", e.Kind, err)
	}
	return body, nil
}

// Decode reads a stored form. Versions newer than this program's are refused:
// guessing at what they mean would tell people something untrue.
func Decode(seq int64, body []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(body, &e); err != nil {
		return Event{}, fmt.Errorf("decoding event %d: %w", seq, err)
	}
	if e.V < 1 || e.V > Version {
		return Event{}, fmt.Errorf("decoding event %d: stored form %d is not known to this program (it knows 1 to %d)", seq, e.V, Version)
	}
	if e.Kind == "" {
		return Event{}, fmt.Errorf("decoding event %d: it has no kind", seq)
	}
	e.Seq = seq
	return e, nil
}
