package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey/rotation"
)

// Batcher begins emergencies of several secrets at once, and calls them off.
type Batcher interface {
	StartBatch(ctx context.Context, a rotation.Alarm) (*rotation.Batch, error)
	CancelBatch(ctx context.Context, tag string, by rotation.Person) (*rotation.CalledOff, error)
	CancelWaiting(ctx context.Context, name string, by rotation.Person) ([]*rotation.Progress, error)
	Batches(ctx context.Context) ([]*rotation.Progress, error)
}

// several understands the words that stand for more than one secret: "all", and
// "tag:X". A secret of that name cannot be meant: names have no such form.
func several(word string) (tag string, ok bool) {
	if strings.EqualFold(word, "all") {
		return "", true
	}
	kind, tag, both := strings.Cut(word, ":")
	return tag, both && tag != "" && strings.EqualFold(kind, "tag")
}

// Several understands the words that stand for more than one secret, and returns
// their tag, "" for all.
func Several(word string) (tag string, ok bool) { return several(word) }

// SeveralName is what several understood, as people type it.
func SeveralName(tag string) string {
	if tag == "" {
		return "all"
	}
	return "tag:" + tag
}

func (h *Handler) emergencies(ctx context.Context, q Request, a alarm) Reply {
	b, err := h.engine.StartBatch(ctx, rotation.Alarm{Tag: a.tag, Environment: a.env, Requester: q.Person, Reason: a.reason, Exposed: a.since})
	if err != nil {
		return failed(fmt.Errorf("starting emergencies of %s: %w", SeveralName(a.tag), err))
	}
	next := "One message in the channel shows where each stands; each has a thread of its own. Old keys stay valid until somebody approves their end: be ready there."
	reply := Reply{
		Title:      "Emergency of " + b.Whole() + " started",
		Text:       count(len(b.Members), "secret") + ". " + next,
		Paragraphs: []string{next},
		Notes:      []string{fmt.Sprintf("Batch `%s`. `/rotate status` asks, `/rotate cancel %s` calls off what is not dead yet.", b.ID, SeveralName(a.tag))},
	}
	reply.Notes = append(reply.Notes, a.remarks()...)
	if a.env == "" {
		reply.Notes = append(reply.Notes, "Where each environment has a key of its own, production's is meant; `--env staging` means staging's.")
	}
	for _, m := range b.Members {
		reply.Rows = append(reply.Rows, Row{Label: m.Secret, Text: orderWords(m)})
	}
	return reply
}

// orderWords say when a member of a batch may begin.
func orderWords(m rotation.Member) string {
	var names []string
	for _, n := range slices.Concat(m.After, m.Beside, m.Over) {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	if m.Second {
		return "goes last, and by hand. " + m.Why
	}
	if len(names) == 0 {
		return "begins at once"
	}
	return "waits for " + strings.Join(names, ", ")
}

func (h *Handler) callOff(ctx context.Context, tag string, by rotation.Person) (Reply, error) {
	off, err := h.engine.CancelBatch(ctx, tag, by)
	if err != nil {
		return Reply{}, fmt.Errorf("calling off emergencies of %s: %w", SeveralName(tag), err)
	}
	reply := Reply{Title: "Called off", Text: "Nothing more is begun, and what could be cancelled was: see each row. " + Tally(off.Progress)}
	for _, p := range off.Parts {
		text := PartWords(p)
		if why := off.Kept[p.Secret]; why != "" {
			text = "goes on: " + why
		}
		reply.Rows = append(reply.Rows, Row{Label: p.Secret, Text: text})
	}
	return reply, nil
}

// batchRows are the open batches in a status.
func batchRows(all []*rotation.Progress) []Row {
	var rows []Row
	for _, p := range all {
		rows = append(rows, Row{Label: "Emergency of " + p.Whole(), Text: Tally(p), Who: p.Requester, When: p.Started})
		for _, part := range p.Parts {
			if part.Stand == rotation.Waits || part.Rotation == nil {
				rows = append(rows, Row{Label: part.Secret, Text: PartWords(part)})
			}
		}
	}
	return rows
}

// Tally counts a batch's secrets by where they stand.
func Tally(p *rotation.Progress) string {
	parts := []string{fmt.Sprintf("%d of %d dead", p.Count(rotation.Buried), len(p.Parts))}
	for _, s := range rotation.Stands()[1:] {
		if n := p.Count(s); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, plural(s, n)))
		}
	}
	return strings.Join(parts, ", ") + "."
}

func plural(s rotation.Stand, n int) string {
	if s == rotation.Asks && n > 1 {
		return "ask"
	}
	return string(s)
}

// PartWords says where one secret of a batch stands.
func PartWords(p rotation.Part) string {
	switch {
	case p.Stand == rotation.Buried:
		return "dead at " + p.Dead.UTC().Format("15:04:05 UTC") + buriedRest(p.Rotation)
	case p.Stand == rotation.Asks:
		return "asks for approval"
	case !p.Dies.IsZero() && p.Stand == rotation.Moves:
		return "moving: its old key dies by itself at " + p.Dies.UTC().Format(time.DateTime+" UTC")
	case p.Rotation != nil && p.Stand != rotation.Failed:
		return string(p.Stand) + ": " + lowerFirst(StateWords(p.Rotation))
	case p.Rotation != nil:
		return "failed: " + lowerFirst(StateWords(p.Rotation)) + ", and its old key is not proved dead"
	case p.Why != "":
		return string(p.Stand) + ": " + p.Why
	default:
		return string(p.Stand)
	}
}

// buriedRest says what is left to do after the old key died, if a person is
// needed for it.
func buriedRest(r *rotation.Rotation) string {
	if r.State == rotation.Stuck {
		return ", then stopped: needs a person"
	}
	return ""
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
