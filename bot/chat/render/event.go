package render

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"rekey/commands"
	"rekey/rotation"
	"rekey/rotation/event"
)

// Lines is a post in the thread: one line for each event, in order.
func Lines(r *rotation.Rotation, events []event.Event) Message {
	var texts []string
	for _, e := range events {
		texts = append(texts, line(r, e))
	}
	return drilled(r, compose(strings.Join(texts, "\n"), listing(texts)...))
}

// Urgent is a post of its own that calls whoever must act.
func Urgent(r *rotation.Rotation, e event.Event, a Audience) Message {
	text := line(r, e)
	called := cut(sentences(a.Mention(), who(r.Requester)), fieldLimit)
	blocks := []slack.Block{section(cut(text, sectionLimit-length(called)-1) + "\n" + called)}
	if e.Kind != event.Stopped { // whose own text says what is next
		next := esc(following(r, e))
		blocks = append(blocks, section("*Next:* "+next))
		text = sentences(text, "Next: "+next)
	}
	blocks = append(blocks, overridden(r, e)...)
	return drilled(r, compose(sentences(called, text), blocks...))
}

// following is what happens next. To a person who is asked to act it is what was
// asked, wherever the rotation is by the time the post is sent: it would say that
// nobody needs to act.
func following(r *rotation.Rotation, e event.Event) string {
	switch {
	case e.Kind == event.Guide && e.Facts["ends"] != "":
		return commands.EndByHand
	case e.Kind == event.Guide:
		return commands.MakeByHand
	default:
		return commands.Describe(r).Next
	}
}

// Unreadable stands for an event that this version cannot decode: a gap that
// is told beats a thread that stands still.
func Unreadable(seq int64) Message {
	text := fmt.Sprintf("Entry %d of this rotation's journal was written by another version of Rekey and cannot be shown by this one.", seq)
	return compose(text, section(text))
}

// line is one event for people. Kinds of a later version show their text.
func line(r *rotation.Rotation, e event.Event) string {
	text := esc(e.Text)
	switch e.Kind {
	case event.Started:
		return sentences(whoID(e.By), "asked for this rotation.", text)
	case event.Done:
		return "✓ " + text
	case event.Waiting:
		return "… " + text
	case event.Retrying:
		return sentences("↻ *Trying again:*", text)
	case event.Stopped:
		return "■ " + sentences("*"+sentences("Stopped", at(r, e.Step))+".*", text)
	case event.Swept:
		return sentences("A key of ours that nobody ever used is being deleted:", code(e.Facts["id"])+".", text)
	case event.Guide:
		return "→ " + text
	case event.Unfit:
		return sentences("✗ *Not taken:*", text)
	case event.Verdict:
		return sentences("*Watch: "+esc(verdictWord(e))+".*", text)
	case event.Watching:
		return text
	case event.Scope:
		return sentences("The watch follows a newer deployment:", code(e.Facts["deployment"])+".", text)
	default:
		return decision(e, text)
	}
}

// decision is a line about what people decided, or what it led to.
func decision(e event.Event, text string) string {
	switch e.Kind {
	case event.Card, event.Joined, event.Void, event.Nagged, event.Approved, event.Denied, event.Expired:
		return request(e, text)
	case event.Overtaken, event.TurnedBack:
		return otherWay(e, text)
	case event.Cancelled:
		return sentences("■", whoID(e.By), "*cancelled*.", text)
	case event.Overridden:
		return sentences("■", whoID(e.By), "*went on without "+code(e.Step)+"*:", reason(e.Facts["reason"]), text)
	case event.Retried:
		return sentences(whoID(e.By), "asked to go on.", text)
	case event.Dwindling:
		return sentences("■ *On an old key that dies by itself.*", text)
	case event.Deadline:
		return sentences("■ *An old key dies too early.*", text)
	case event.Pending:
		return sentences("■", text)
	case event.Uncontained:
		return sentences("■", text)
	case event.Revived:
		return sentences("■ *A dead key lives.*", text)
	case event.Dead:
		return sentences("✓ *The old key is dead.*", text)
	case event.Audited:
		return sentences("■ *What the leaked key could do.*", text)
	case event.Reported:
		return sentences("✓ *Finished.*", text)
	default:
		return sentences("*"+esc(string(e.Kind))+"*", text)
	}
}

// otherWay is a line about a rotation that goes another way from here on.
func otherWay(e event.Event, text string) string {
	switch {
	case e.Kind == event.Overtaken:
		return sentences("■", whoID(e.By), "*called this an emergency.*", text)
	case e.By == "":
		return sentences("■ *Rolling back.*", text)
	default:
		return sentences("■", whoID(e.By), "*rolls back*.", text)
	}
}

// request is a line about a request for approval.
func request(e event.Event, text string) string {
	switch e.Kind {
	case event.Card:
		if e.Facts["about"] == rotation.AboutVault {
			return sentences(fmt.Sprintf("Request %d.", e.Card), text)
		}
		return sentences(fmt.Sprintf("Request %d for approval.", e.Card), text)
	case event.Joined:
		return sentences(fmt.Sprintf("Request %d for approval is ready.", e.Card), text)
	case event.Void:
		return sentences(fmt.Sprintf("Request %d no longer counts.", e.Card), text)
	case event.Approved:
		did := "*approved*"
		if e.Facts["about"] == rotation.AboutVault {
			did = "*answered*"
		}
		return sentences(fmt.Sprintf("✓ %s %s request %d (%s).", whoID(e.By), did, e.Card, esc(e.Path)), text)
	case event.Denied:
		return sentences(fmt.Sprintf("✗ %s *denied* request %d (%s).", whoID(e.By), e.Card, esc(e.Path)), reason(e.Facts["reason"]), text)
	case event.Expired:
		return sentences(fmt.Sprintf("Request %d *expired*.", e.Card), text)
	default: // Nagged
		return sentences("■ *Still waiting.*", text)
	}
}

func verdictWord(e event.Event) string {
	if v := e.Facts["verdict"]; v != "" {
		return v
	}
	return "ended"
}

// at names the step in the words of the checklist.
func at(r *rotation.Rotation, stored string) string {
	for _, s := range r.Plan {
		if s.String() == stored {
			return "at “" + esc(commands.StepIn(r, s)) + "”"
		}
	}
	if stored == "" {
		return ""
	}
	return "at " + code(stored)
}
