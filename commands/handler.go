package commands

import (
	"context"
	"errors"

	"rekey/rotation"
)

// Starter begins rotations, or shows what would begin.
type Starter interface {
	Start(ctx context.Context, o rotation.Order) (*rotation.Rotation, error)
	Preview(ctx context.Context, name string) (*rotation.Preview, error)
}

// Director changes the course of a rotation that is open.
type Director interface {
	Cancel(ctx context.Context, name string, by rotation.Person) (*rotation.Rotation, error)
	Retry(ctx context.Context, name string, by rotation.Person) (*rotation.Rotation, error)
	Rollback(ctx context.Context, name string, by rotation.Person) (*rotation.Rotation, error)
}

// Sleeper puts off that people are reminded of a secret's age.
type Sleeper interface {
	Snooze(ctx context.Context, p rotation.Put) (rotation.Snooze, error)
	Unsnooze(ctx context.Context, name string, by rotation.Person) error
}

// Reader tells how things stand.
type Reader interface {
	Overview(ctx context.Context) ([]rotation.Overview, error)
	Open(ctx context.Context) ([]*rotation.Rotation, error)
	Recent(ctx context.Context, limit int) ([]*rotation.Rotation, error)
	Unreadable(ctx context.Context) ([]string, error)
}

// Engine is what the commands need of the rotation engine.
type Engine interface {
	Starter
	Director
	Sleeper
	Reader
	Batcher
}

// Handler answers requests. It is safe for concurrent use.
type Handler struct {
	engine Engine
	words  vocabulary
	doctor Doctor
}

// New makes a handler for the configured secrets. Names of the catalogue that
// are not configured are told from names that are unknown.
func New(engine Engine, configured []string, doctor Doctor) *Handler {
	v := vocabulary{names: configured}
	for _, s := range rotation.Catalogue() {
		if !contains(configured, s.Name) {
			v.unknown = append(v.unknown, s.Name)
		}
	}
	return &Handler{engine: engine, words: v, doctor: doctor}
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if fold(n) == fold(name) {
			return true
		}
	}
	return false
}

// Handle answers one request. It always answers; a failure is a sentence in
// the reply, and its cause is in Reply.Err for the log.
func (h *Handler) Handle(ctx context.Context, q Request) Reply {
	switch {
	case KeyShaped(q.Text):
		return leakReply()
	case !q.Standing.Member:
		return notMember(q.Standing)
	case q.Command == EmergencyCommand:
		return h.emergency(ctx, q)
	}
	a, m := h.words.parse(q.Text)
	if m != nil {
		return misfitReply(*m)
	}
	if a.verb == doctor && !q.Standing.Starter {
		return notPatient()
	}
	if changes(a.verb) && !q.Standing.Starter {
		return notStarter(a)
	}
	reply, err := h.answer(ctx, a, q)
	if err != nil {
		return failed(err)
	}
	return reply
}

// changes reports the verbs for which somebody must be allowed to start.
func changes(v verb) bool {
	return v == start || v == cancel || v == callOff || v == retry || v == back || v == snooze || v == wake
}

func (h *Handler) answer(ctx context.Context, a ask, q Request) (Reply, error) {
	by := q.Person
	switch a.verb {
	case list:
		return h.list(ctx)
	case status:
		return h.status(ctx, a.name)
	case start:
		return h.start(ctx, rotation.Order{Secret: a.name, Requester: by, Seen: q.Seen})
	case plan:
		return h.preview(ctx, a.name)
	case cancel:
		return h.cancel(ctx, a.name, by)
	case callOff:
		return h.callOff(ctx, a.word, by)
	case retry:
		return h.retry(ctx, a.name, by)
	case back:
		return h.rollback(ctx, a.name, by)
	case snooze:
		return h.snooze(ctx, rotation.Put{Secret: a.name, For: a.span, By: by, Seen: q.Seen})
	case wake:
		return h.unsnooze(ctx, a.name, by)
	case doctor:
		return h.examine(ctx), nil
	case later:
		return laterReply(a.word), nil
	default:
		return helpReply(), nil
	}
}

func misfitReply(m misfit) Reply {
	return Reply{
		Undone:     true,
		Title:      "Not understood",
		Text:       m.what + " Nothing was started. " + m.hint,
		Paragraphs: []string{m.what + " Nothing was started.", m.hint},
		Notes:      []string{"`/rotate help` shows everything."},
	}
}

func notMember(s rotation.Standing) Reply {
	text := "Rekey answers full members of this workspace only"
	if s.Why != "" {
		text += " (you are seen as: " + s.Why + ")"
	}
	return Reply{Undone: true, Title: "Not for you", Text: text + ". Nothing was started.", Paragraphs: []string{text + ". Nothing was started."}}
}

func notStarter(a ask) Reply {
	text := "You are not on the list of people who may start, cancel, retry or roll back rotations or snooze secrets. Nothing was done; ask somebody who is."
	return Reply{
		Undone: true, Title: "Not allowed", Text: text, Paragraphs: []string{text},
		Notes: []string{"You may look: `/rotate`, `/rotate status`, `/rotate " + a.name + " --plan`."},
	}
}

// failed turns an error into a sentence. Only a refusal has one of its own;
// any other cause goes to the log, where it cannot show people what they must
// not see.
func failed(err error) Reply {
	var refusal *rotation.Refusal
	if !errors.As(err, &refusal) {
		text := "Rekey could not do that just now, and the cause is in its log. `/rotate status` shows whether anything was started."
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			text = "That took too long and was given up. `/rotate status` shows whether anything was started."
		}
		return Reply{Undone: true, Title: "That did not work", Text: text, Paragraphs: []string{text}, Err: err}
	}
	r := Reply{Undone: true, Title: "Nothing was done", Text: refusal.Sentence, Paragraphs: []string{refusal.Sentence}, Err: refusal.Err}
	if refusal.Other != nil {
		r.Rows = situationRows(refusal.Other)
	}
	return r
}
