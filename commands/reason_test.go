package commands

import (
	"strings"
	"testing"
	"time"

	"rekey/providers"
	"rekey/rotation"
)

// TestOnlyOneIsContained: who names two secrets in a hurry hears that one of
// them goes on as it is.
func TestOnlyOneIsContained(t *testing.T) {
	v := vocabulary{names: []string{"FAL_KEY", "ANTHROPIC_API_KEY"}}
	for text, want := range map[string]string{
		"FAL_KEY, anthropic_api_key are on github": "`/rotate-emergency ANTHROPIC_API_KEY what happened`",
		"FAL_KEY is on github":                     "",
		"FAL_KEY FAL_KEY is on github":             "",
		"all FAL_KEY was seen first":               "",
	} {
		a, m := v.parseAlarm(text, time.Now())
		if said := strings.Join(a.remarks(), " "); m != nil || (said == "") != (want == "") || !strings.Contains(said, want) {
			t.Errorf("%q: %q, %+v", text, said, m)
		}
	}
}

// TestWhatFollowsAnAlarm: whoever cried is told what really happens now: not that
// production gets a key where people are asked before one is made.
func TestWhatFollowsAnAlarm(t *testing.T) {
	written := map[string]rotation.Place{rotation.Production: {After: map[string]rotation.Held{"FAL_KEY": {Version: 2}}}}
	for name, c := range map[string]struct {
		r         rotation.Rotation
		says, not string
	}{
		"overlap":      {rotation.Rotation{Cell: rotation.Cell{Shape: providers.Overlap}}, "gets a new key now; staging is skipped", "under way"},
		"overtaken":    {rotation.Rotation{Cell: rotation.Cell{Shape: providers.Overlap}, Places: written}, "its new key is used", "gets a new key now"},
		"cutover":      {rotation.Rotation{Cell: rotation.Cell{Shape: providers.Cutover}}, "none is made yet", "gets a new key now"},
		"replaced":     {rotation.Rotation{Cell: rotation.Cell{Shape: providers.Grace}, Turns: map[string]rotation.Turn{"": {Made: time.Now()}}}, "where the old key stands", "none is made yet"},
		"lives on":     {rotation.Rotation{Cell: rotation.Cell{Shape: providers.Overlap, Lingers: true}}, "until when that one lives on", "stays valid until somebody approves"},
		"revoke first": {rotation.Rotation{Cell: rotation.Cell{Shape: providers.Overlap, RevokeFirst: true}}, "how long the outage will last", "gets a new key now"},
	} {
		if got := follows(&c.r); !strings.Contains(got, c.says) || strings.Contains(got, c.not) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestWhatAFormBegins: the form says what sending it off does.
func TestWhatAFormBegins(t *testing.T) {
	v := vocabulary{names: []string{"FAL_KEY"}}
	for text, c := range map[string][2]string{
		"FAL_KEY":                {"a new FAL_KEY", "every secret"},
		"FAL_KEY --revoke-first": {"explicit yes", "gets a new"},
		"all":                    {"every secret that is meant", "a new all"},
	} {
		a, _ := v.parseAlarm(text, time.Now())
		if said := whatHappened(a).Form.What; !strings.Contains(said, c[0]) || strings.Contains(said, c[1]) {
			t.Errorf("%q: %s", text, said)
		}
	}
}

// TestUndoneIsSaid: a program reads from an answer whether anything was done.
func TestUndoneIsSaid(t *testing.T) {
	guest, member := rotation.Standing{Why: "guest"}, rotation.Standing{Member: true}
	for text, c := range map[string]struct {
		standing rotation.Standing
		fails    error
		undone   bool
	}{
		"FAL_KEY it leaked":              {starter, nil, false},
		"FAL_KEY it leaked ":             {starter, &rotation.Refusal{Sentence: "No."}, true},
		"FAL_KEY it leaked, too":         {member, nil, true},
		"FAL_KEY it leaked to a guest":   {guest, nil, true},
		"FAL_KEY":                        {starter, nil, true},
		"NO_KEY it leaked":               {starter, nil, true},
		"FAL_KEY ghp_abcdefghijklmnop01": {starter, nil, true},
	} {
		reply := handler(&desk{err: c.fails}).Handle(t.Context(), Request{Command: EmergencyCommand, Text: text, Person: anna, Standing: c.standing})
		if reply.Undone != c.undone {
			t.Errorf("%q: undone %t: %s", text, reply.Undone, reply.Text)
		}
	}
}

// TestARolledBackEmergencyIsNotContained: the message in the channel says so, too.
func TestARolledBackEmergencyIsNotContained(t *testing.T) {
	for from, want := range map[rotation.Mode]string{rotation.Emergency: "is not contained: `/rotate-emergency FAL_KEY", rotation.Routine: "`/rotate FAL_KEY` tries again"} {
		r := &rotation.Rotation{Secret: "FAL_KEY", State: rotation.Succeeded, Cell: rotation.Cell{Mode: rotation.Rollback, Shape: providers.Overlap}, Back: &rotation.Return{From: from}}
		if next := Describe(r).Next; !strings.Contains(next, want) {
			t.Errorf("%s: %s", from, next)
		}
	}
}

// TestPendingIsNotAlwaysBoth: nobody reads that both keys live where one was
// switched off, or is refused.
func TestPendingIsNotAlwaysBoth(t *testing.T) {
	for want, r := range map[string]rotation.Rotation{
		"both keys live":       {},
		"begun and is not":     {Ends: map[string]rotation.Ending{"": {Disabled: true}}},
		"refuses the old key":  {Card: &rotation.Card{OldRefused: "401"}},
		"was begun and is not": {Ends: map[string]rotation.Ending{"": {}}, Card: &rotation.Card{OldRefused: "401"}},
	} {
		r.State = rotation.Pending
		if got := StateWords(&r); !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
}

// TestHelpInAnEmergency: whoever types the wrong command for it is helped all the same.
func TestHelpInAnEmergency(t *testing.T) {
	for _, text := range []string{"help", " HELP", "--help"} {
		d := &desk{}
		if reply := handler(d).Handle(t.Context(), Request{Command: EmergencyCommand, Text: text, Person: anna, Standing: rotation.Standing{Member: true}}); reply.Undone || len(reply.Rows) < 5 || len(d.asked) > 0 {
			t.Errorf("%q: %s", text, reply.Text)
		}
	}
}

// TestWithin: of a line that is too long words of the reason are left out, from its
// end, and never a flag, what belongs to one, or the name.
func TestWithin(t *testing.T) {
	for line, want := range map[string]string{
		"KEY it leaked":                                  "KEY it leaked",
		"KEY it leaked yesterday in a log":               "KEY it leaked yeste…",
		"--since 3d KEY it leaked in a log":              "--since 3d KEY it l…",
		"KEY it leaked in a log --since 3d":              "KEY it l… --since 3d",
		"KEY https://example.com/a/very/long/address":    "KEY https://example…",
		"KEY it leaked in logs --since=3d —revoke-first": "KEY --since=3d —revoke-first",
		"KEY ééééééééééééééé":                            "KEY ééééééé…",
	} {
		const limit = 22
		short, cut := Within(line, limit)
		if short != want || cut != (short != line) || len(short) > limit && !strings.Contains(line, "=") {
			t.Errorf("%q came to %q (%d bytes, cut %t), want %q", line, short, len(short), cut, want)
		}
	}
}
