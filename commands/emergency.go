package commands

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"rekey/rotation"
)

// EmergencyCommand is what people type when a secret has leaked.
const EmergencyCommand = "/rotate-emergency"

// ReasonLimit is how many characters of a reason are kept: it stands in the
// journal and on every card.
const ReasonLimit = 500

// alarm is an understood emergency.
type alarm struct {
	name   string
	reason string // "" when nobody said: they are asked
	first  bool   // the old key ends before there is a new one
}

// parseAlarm understands a line after `/rotate-emergency`. What follows the name
// is the reason, in the person's own words.
//
//	line = NAME [ "--revoke-first" ] reason
func (v vocabulary) parseAlarm(text string) (alarm, *misfit) {
	words, flags := split(text)
	var a alarm
	for _, f := range flags {
		switch strings.ToLower(strings.TrimLeft(f, "-")) {
		case "": // a dash in a sentence
		case "revoke-first":
			a.first = true
		default:
			return a, &misfit{"There is no such flag, and none that skips a check. The only flag is `--revoke-first`.", "Try `/rotate-emergency NAME what happened`."}
		}
	}
	if len(words) == 0 {
		return a, &misfit{"`/rotate-emergency` needs the name of a secret, and what happened.", "Try `/rotate-emergency NAME what happened`."}
	}
	name, m := v.resolve(words[0])
	a.name, a.reason = name, strings.Join(words[1:], " ")
	if m == nil && utf8.RuneCountInString(a.reason) > ReasonLimit {
		m = &misfit{fmt.Sprintf("The reason is longer than %d characters.", ReasonLimit), "Say it in a sentence; the thread has room for the rest."}
	}
	return a, m
}

// emergency starts at once for those who may start. There is no dry run and no
// question but what happened.
func (h *Handler) emergency(ctx context.Context, q Request) Reply {
	a, m := h.words.parseAlarm(q.Text)
	switch {
	case m != nil:
		return misfitReply(*m)
	case !q.Standing.Starter:
		return notStarter(ask{name: a.name})
	case a.reason == "":
		return whatHappened(a)
	}
	r, err := h.engine.Start(ctx, rotation.Order{Secret: a.name, Requester: q.Person, Mode: rotation.Emergency, RevokeFirst: a.first, Reason: a.reason})
	if err != nil {
		return failed(fmt.Errorf("starting an emergency for %s: %w", a.name, err))
	}
	return alarmed(a, r)
}

func alarmed(a alarm, r *rotation.Rotation) Reply {
	next := "Production gets a new key now; staging is skipped. The old key stays valid until somebody approves its end in the thread: be ready there."
	if a.first {
		next = "Nothing is ended yet: the thread says how long the outage will last and asks for an explicit yes. Be ready there."
	}
	return Reply{
		Title:      "Emergency rotation of " + a.name + " started",
		Text:       "Its thread is in the channel. " + next,
		Paragraphs: []string{next},
		Notes:      []string{fmt.Sprintf("Rotation `%s`, %d steps. `/rotate status %s` asks.", r.ID, len(r.Plan), a.name)},
	}
}

// whatHappened asks for the reason. A channel that has forms asks in one; the
// words are for one that has none.
func whatHappened(a alarm) Reply {
	line := a.name
	if a.first {
		line += " --revoke-first"
	}
	text := "Say what happened: `/rotate-emergency " + line + " what happened`. Nothing was started."
	return Reply{
		Title: "What happened?", Text: text, Paragraphs: []string{text},
		Form: &Form{Command: EmergencyCommand, Line: line, Secret: a.name},
	}
}
