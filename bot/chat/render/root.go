package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"rekey/commands"
	"rekey/rotation"
)

// Root is the message of a rotation in the channel: where it stands, in one
// look. It is edited in place, and everything else is in its thread. That of an
// emergency calls people.
func Root(r *rotation.Rotation, incident Audience) Message {
	s := commands.Describe(r)
	text := sentences(headline(r)+".", leak(r), s.State+".", s.Safe, s.Next)
	blocks := []slack.Block{header(headline(r))}
	called := ""
	if r.Cell.Mode == rotation.Emergency {
		called = cut(incident.Mention(), fieldLimit)
	}
	if called != "" {
		blocks = append(blocks, section(called))
	}
	blocks = append(blocks, grid(
		field{"State", esc(s.State)},
		field{"Service", esc(r.Traits.Service)},
		field{"Asked for by", who(r.Requester)},
		field{"Started", moment(r.Started)},
		field{"Deadline", deadline(r)},
		field{"Finished", finished(r)},
	)...)
	if r.Back != nil {
		blocks = append(blocks, section("*Rolled back* "+esc(r.Back.Why)))
	}
	if r.Reason != "" {
		blocks = append(blocks, section("*Reason* "+esc(r.Reason)))
	}
	blocks = append(blocks, listing(checklist(r))...)
	blocks = append(blocks,
		section("*Safe:* "+esc(s.Safe)+"\n*Next:* "+esc(s.Next)),
		context("Rotation "+code(r.ID)+" · plan "+code(short(r.PlanHash))+" · details in the thread"))
	return compose(sentences(called, esc(text)), blocks...)
}

// headline names the rotation, and an emergency as one.
func headline(r *rotation.Rotation) string {
	if r.Cell.Mode == rotation.Emergency {
		if r.Drill {
			return "DRILL · Emergency" + r.Alone() + " · " + standsAt(r)
		}
		return "Emergency" + r.Alone() + " · " + standsAt(r)
	}
	return standsAt(r)
}

func standsAt(r *rotation.Rotation) string {
	switch r.State {
	case rotation.Asking:
		return r.Secret + ": approval needed"
	case rotation.Stuck:
		if r.Dwells() {
			return r.Secret + ": rolled back for a while, needs a person"
		}
		return r.Secret + ": stopped, needs a person"
	case rotation.Pending:
		return r.Secret + ": revocation pending"
	case rotation.Succeeded:
		if r.Cell.Mode == rotation.Rollback {
			return r.Secret + ": rolled back"
		}
		return r.Secret + " is rotated"
	case rotation.Abandoned:
		return r.Secret + ": cancelled"
	default:
		if r.Cell.Mode == rotation.Rollback {
			return "Rolling back " + r.Secret
		}
		return "Rotating " + r.Secret
	}
}

func deadline(r *rotation.Rotation) string {
	if r.State != rotation.Asking || r.Card == nil || r.Card.Expires.IsZero() {
		return ""
	}
	return moment(r.Card.Expires) + ", then the old key stays valid"
}

func finished(r *rotation.Rotation) string {
	if r.Ended.IsZero() {
		return ""
	}
	return moment(r.Ended) + ", after " + spoken(r.Ended.Sub(r.Started))
}

// checklist is the plan with a glyph and a word for each step.
func checklist(r *rotation.Rotation) []string {
	lines := make([]string, 0, len(r.Plan))
	took := durations(r)
	for i, step := range r.Plan {
		glyph, word := progress(r, i)
		line := fmt.Sprintf("%s %s", glyph, esc(commands.StepIn(r, step)))
		if d, ok := took[step.String()]; ok && i < r.Cursor {
			word += ", " + spoken(d)
		}
		if word != "" {
			line += " _(" + word + ")_"
		}
		lines = append(lines, line)
	}
	return lines
}

// progress says how far step i is.
func progress(r *rotation.Rotation, i int) (glyph, word string) {
	switch {
	case i < r.Cursor:
		return "✓", "done"
	case r.State == rotation.Abandoned:
		return "–", "not done"
	case i > r.Cursor:
		return "·", "to do"
	}
	switch r.State {
	case rotation.Asking:
		return "▶", "waiting for approvers"
	case rotation.Stuck:
		return "■", "stopped"
	case rotation.Pending:
		return "■", "pending"
	}
	if r.Errand != nil && r.Attempt == 0 {
		return "▶", "waiting for a person to make the key"
	}
	if r.Attempt > 0 {
		return "↻", fmt.Sprintf("attempt %d", r.Attempt+1)
	}
	return "▶", "now"
}

// durations adds up how long each step took, over all times it was entered.
func durations(r *rotation.Rotation) map[string]time.Duration {
	took := make(map[string]time.Duration)
	for _, t := range r.Times {
		if !t.Ended.IsZero() {
			took[t.Step] += t.Ended.Sub(t.Started)
		}
	}
	return took
}

// environments in the order in which people read them.
var environments = []string{rotation.Staging, rotation.Production}

// perEnvironment writes one line for each environment that f has words for.
func perEnvironment(f func(env string) string) string {
	var lines []string
	for _, env := range environments {
		if words := f(env); words != "" {
			lines = append(lines, env+": "+words)
		}
	}
	return strings.Join(lines, "\n")
}

// Brief is the root message in a line, for a thread whose root can no longer
// be edited.
func Brief(r *rotation.Rotation) Message {
	s := commands.Describe(r)
	text := esc(sentences(headline(r)+".", s.State+".", s.Safe, s.Next))
	return compose(text, section(text))
}
