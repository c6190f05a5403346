package commands

import (
	"context"
	"fmt"
	"strings"
	"time"

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
	reason string    // "" when nobody said: they are asked
	drill  bool      // nothing has leaked: it is rehearsed
	first  bool      // the old key ends before there is a new one
	since  time.Time // when others may first have known it; zero when nobody said
	env    string    // whose own key leaked; "" when nobody said
	many   bool      // every secret, or those with a tag
	tag    string    // "" is every secret
	cut    bool      // the reason was longer than is kept
	others string    // secrets that the reason names, too, with spaces between
}

// parseAlarm understands a line after `/rotate-emergency`. What follows the name
// is the reason, in the person's own words.
//
//	line = ( NAME [ "--revoke-first" ] [ "--drill" ] | "all" | "tag:X" ) [ "--env" environment ] [ "--since" when ] reason
func (v vocabulary) parseAlarm(text string, now time.Time) (a alarm, m *misfit) {
	if text, a.since, m = cutSince(text, now); m != nil {
		return a, m
	}
	if text, a.env, m = cutEnv(text); m != nil {
		return a, m
	}
	words, flags := splitReason(text)
	for _, f := range flags {
		switch strings.ToLower(strings.TrimLeft(f, "-")) {
		case "": // a dash in a sentence
		case "revoke-first":
			a.first = true
		case "drill":
			a.drill = true
		default:
			return a, noAlarmFlag()
		}
	}
	if len(words) == 0 {
		return a, &misfit{"`/rotate-emergency` needs the name of a secret, and what happened.", "Try `/rotate-emergency NAME what happened`."}
	}
	a.reason = strings.Join(words[1:], " ")
	if a.tag, a.many = several(words[0]); a.many {
		a.name = SeveralName(a.tag)
	} else {
		a.name, m = v.resolve(words[0])
	}
	if a.many && (a.first || a.drill) {
		m = a.single()
	}
	a.others = v.others(a)
	a.reason, a.cut = shortened(a.rehearsed())
	return a, m
}

// rehearsed is the reason, which a drill need not give.
func (a alarm) rehearsed() string {
	if a.drill && a.reason == "" {
		return "a drill: nothing has leaked"
	}
	return a.reason
}

// single turns down what is for one secret at a time.
func (a alarm) single() *misfit {
	if a.drill {
		return &misfit{"A drill is for one canary at a time.", "Try `/rotate-emergency NAME --drill`."}
	}
	return &misfit{"`--revoke-first` takes an application down on purpose, so it is for one secret at a time.", "Try `/rotate-emergency NAME --revoke-first what happened`, or leave the flag out."}
}

// emergency starts at once for those who may start. There is no dry run and no
// question but what happened.
func (h *Handler) emergency(ctx context.Context, q Request) Reply {
	a, m := h.words.parseAlarm(q.Text, time.Now())
	switch {
	case strings.EqualFold(strings.Trim(q.Text, " -"), string(help)):
		return helpReply()
	case m != nil:
		return misfitReply(*m)
	case !q.Standing.Starter && a.many:
		return notStarter(ask{name: "NAME"})
	case !q.Standing.Starter:
		return notStarter(ask{name: a.name})
	case a.reason == "":
		return whatHappened(a)
	case a.many:
		return h.emergencies(ctx, q, a)
	}
	r, err := h.engine.Start(ctx, rotation.Order{Secret: a.name, Requester: q.Person, Mode: rotation.Emergency, RevokeFirst: a.first, Drill: a.drill, Reason: a.reason, Exposed: a.since, Environment: a.env})
	if a.waits(err) {
		return h.behind(ctx, q, a)
	}
	if err != nil {
		return failed(fmt.Errorf("starting an emergency for %s: %w", a.name, err))
	}
	return alarmed(a, r)
}

func alarmed(a alarm, r *rotation.Rotation) Reply {
	next := follows(r)
	notes := append([]string{fmt.Sprintf("Rotation `%s`, %d steps. `/rotate status %s` asks.", r.ID, len(r.Plan), a.name)}, a.remarks()...)
	title := "Emergency rotation of " + a.name + r.Alone() + " started"
	if a.drill {
		title = "DRILL. " + title
	}
	return Reply{
		Title:      title,
		Text:       "Its thread is in the channel. " + next,
		Paragraphs: []string{next},
		Notes:      notes,
	}
}

// follows is what an emergency does first, and when its old key ends: that
// depends on what the service allows, and on what a rotation that it took over
// had done.
func follows(r *rotation.Rotation) string {
	const ready = " Be ready there."
	const taken = "The rotation that was under way is an emergency from here on, and its new key is used."
	switch {
	case r.Cell.RevokeFirst:
		return "Nothing is ended yet: the thread says how long the outage will last and asks for an explicit yes." + ready
	case r.Cell.Ahead() && r.Replaced():
		return taken + " The thread says where the old key stands." + ready
	case r.Cell.Ahead():
		return "Here making the new key is what ends the old one, so none is made yet: the thread says what that costs and asks for approval." + ready
	}
	first := "Production gets a new key now; staging is skipped."
	if r.Cell.OnlyStaging {
		first = "Staging gets a new key now; production has its own and is not touched."
	}
	if r.Wrote(r.Cell.Front()) {
		first = taken
	}
	if r.Cell.Lingers {
		return first + " The thread asks for approval of the old key's end, and says until when that one lives on." + ready
	}
	return first + " The old key stays valid until somebody approves its end in the thread: be ready there."
}

// sends is what sending a form off begins.
func (a alarm) sends() string {
	const ended = " An old key is ended only after an approver says so."
	switch {
	case a.first:
		return "As soon as you send this off with the box below ticked, Rekey asks in the thread for an explicit yes to ending " + a.name + " before there is a new one. Nothing is ended before. Without the tick the old key lives until production runs on another one."
	case a.many:
		return "As soon as you send this off, Rekey begins with every secret that is meant, side by side: production gets new keys, and where making one ends the old one people are asked first." + ended
	case a.env == rotation.Staging:
		return "As soon as you send this off, staging gets a new " + a.name + " and production, which has its own, is not touched; where making it ends the old one, people are asked first." + ended
	default:
		return "As soon as you send this off, production gets a new " + a.name + " and staging is skipped; where making it ends the old one, people are asked first." + ended
	}
}

// whatHappened asks for the reason. A channel that has forms asks in one; the
// words are for one that has none.
func whatHappened(a alarm) Reply {
	line := a.name
	if a.first {
		line += " --revoke-first"
	}
	if a.env != "" {
		line += " --env " + a.env
	}
	text := "Say what happened: `/rotate-emergency " + line + " what happened`. Nothing was started."
	form := &Form{Command: EmergencyCommand, Line: a.name, First: a.first, Many: a.many, Secret: a.name, What: a.sends()}
	if a.env != "" {
		form.Line += " --env " + a.env
	}
	if !a.since.IsZero() {
		form.Since = a.since.UTC().Format(time.RFC3339)
	}
	return Reply{
		Undone: true, Title: "What happened?", Text: text, Paragraphs: []string{text}, Form: form,
	}
}
