package signed

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey/commands"
	"rekey/rotation"
	"rekey/rotation/event"
)

// Parcel is what the command line hands over.
type Parcel struct {
	Statement string `json:"statement"`
	Signature string `json:"signature"`
}

// Answer is what it gets back: words, and the requests that wait.
type Answer struct {
	Title    string    `json:"title"`
	Lines    []string  `json:"lines,omitempty"`
	Requests []Request `json:"requests,omitempty"`
	Chat     string    `json:"chat,omitempty"` // how Slack is, when it is not well
	Failed   bool      `json:"failed,omitempty"`
}

// Request is one that waits for a decision.
type Request struct {
	Kind     string   `json:"kind,omitempty"` // what it is about; "" is the end of an old key
	As       string   `json:"as,omitempty"`   // what people type for it: a secret, "all", or "tag:X"
	Secret   string   `json:"secret"`
	Secrets  []string `json:"secrets,omitempty"` // of one about several
	Rotation string   `json:"rotation"`
	Batch    string   `json:"batch,omitempty"`  // its id, where it is about several
	Within   string   `json:"within,omitempty"` // what people type for the request of a batch that this one is a part of
	Step     string   `json:"step,omitempty"`   // where it stopped
	Card     int      `json:"card"`
	Plan     string   `json:"plan"`
	Evidence string   `json:"evidence"`
	Words    []string `json:"words"`
}

// What a request is about, beside the end of an old key.
const (
	AboutVault = "vault" // may a new key be made now
	AboutProof = "proof" // going on without one that cannot be had
)

// Takes reports that a word of this kind is one about a request like this.
func (q Request) Takes(act Act) bool {
	switch q.Kind {
	case AboutProof:
		return act == Override
	case AboutVault:
		return act.vault() || act == Deny
	default:
		return act == Approve || act == Deny
	}
}

// Statement is somebody's word on it, to be completed by their client.
func (q Request) Statement(act Act, reason string) Statement {
	return Statement{Act: act, Secret: q.Secret, Rotation: q.Rotation, Batch: q.Batch, Card: q.Card, Step: q.Step, Plan: q.Plan, Evidence: q.Evidence, Reason: reason}
}

// Name is what people type for it.
func (q Request) Name() string {
	if q.As == "" {
		return q.Secret // of an older replica
	}
	return q.As
}

// Ways are what people type to decide it.
func (q Request) Ways() string {
	name := q.Name()
	switch q.Kind {
	case AboutProof:
		return "rekey override " + name + " and how you know that production runs on the new key"
	case AboutVault:
		return "rekey vault-closed " + name + ", rekey vault-not-leak " + name + ", or rekey deny " + name + " and why"
	default:
		return "rekey approve " + name + ", or rekey deny " + name + " and why"
	}
}

// answerOf is a reply in lines. What is typed in Slack is named as it is typed
// here.
func answerOf(r commands.Reply) Answer {
	a := Answer{Title: Here(r.Title), Failed: r.Undone || r.Err != nil}
	for _, p := range r.Paragraphs {
		a.Lines = append(a.Lines, Here(p))
	}
	for _, row := range r.Rows {
		text := row.Label + ": " + row.Text
		if row.Who.ID != "" {
			text += " " + named(row.Who)
		}
		if !row.When.IsZero() {
			text += " (" + row.When.UTC().Format("2006-01-02 15:04:05 UTC") + ")"
		}
		if row.ApproversOf != "" {
			text += " an approver of " + row.ApproversOf
		}
		a.Lines = append(a.Lines, Here(strings.ReplaceAll(text, ":  ", ": ")))
	}
	for _, n := range r.Notes {
		a.Lines = append(a.Lines, Here(n))
	}
	if len(a.Lines) == 0 && r.Text != "" {
		a.Lines = []string{Here(r.Text)}
	}
	return a
}

func named(p rotation.Person) string {
	if p.Name != "" {
		return p.Name
	}
	return p.ID
}

// spelled is how what is typed in Slack is typed here.
var spelled = strings.NewReplacer(
	commands.EmergencyCommand, "rekey emergency",
	"by the button and with a reason", "by `rekey override NAME` and how they know",
	"/rotate status", "rekey status", "/rotate cancel", "rekey cancel", "/rotate retry", "rekey retry", "/rotate rollback", "rekey rollback",
	"`/rotate`", "`rekey status`", "/rotate", "rekey rotate", "*", "",
)

// Here spells what is typed in Slack as it is typed on the command line.
func Here(text string) string { return spelled.Replace(text) }

// What is read of a journal at once, and at most.
const (
	eventsAtOnce = 500
	mostPages    = 40
)

// asked finds the event with which a request was made.
func (d *Desk) asked(ctx context.Context, r *rotation.Rotation) (event.Event, error) {
	return d.latest(ctx, r, func(e event.Event) bool {
		return (e.Kind == event.Card || e.Kind == event.Joined) && e.Card == r.Card.Number
	})
}

// cardWords say what a decision is about: what dies, on which evidence, and
// until when.
func cardWords(r *rotation.Rotation, e event.Event) []string {
	words := []string{e.Text}
	add := func(label, text string) {
		if text != "" {
			words = append(words, label+": "+text)
		}
	}
	if r.Cell.Mode == rotation.Emergency {
		add("Emergency", r.Reason)
	}
	add("Old key", r.Olds())
	if r.New().ID != "" {
		add("New key", r.New().Shown())
	}
	if r.Card.About == rotation.AboutVault {
		add("On a yes", "Rekey looks once more whether that word stands, has a new key made, writes it, deploys and proves it")
	} else {
		add("On approval the old key is", r.EndIs())
	}
	add("What it costs", r.Card.Outage)
	add("Breaks with it", r.Card.Harm)
	if r.Card.OldRefused != "" {
		add("Note", "the service refuses the old key already ("+r.Card.OldRefused+")")
	}
	for _, env := range []string{rotation.Staging, rotation.Production} {
		if c, there := r.Proofs[env]; there && c.Kind == rotation.Overridden {
			add("Proof in "+env, c.Affected)
		} else if there {
			add("Proof in "+env, fmt.Sprintf("%s, %d instances, %d answers, at %s; %s", c.Kind, c.Instances, c.Answers, c.At.UTC().Format("15:04:05 UTC"), c.Affected))
		}
	}
	if v := r.Vigils[rotation.Watch]; v != nil && v.Verdict != "" {
		add("Watch", string(v.Verdict))
	}
	add("Used, as the service tells", e.Facts["uses"])
	add("May still hold the old key", r.Traits.Drain)
	add("Also used in", e.Facts["also_in"])
	add("Asked for by", named(r.Requester))
	add("Approvers needed", e.Facts["quorum"])
	if !r.Card.Expires.IsZero() {
		add("Until", r.Card.Expires.UTC().Format(time.DateTime+" UTC"))
	}
	add("Safe", r.Safe())
	return slices.DeleteFunc(words, func(w string) bool { return w == "" })
}
