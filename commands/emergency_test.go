package commands

import (
	"context"
	"strings"
	"testing"

	"rekey/rotation"
)

// TestAlarms: the name comes first, the rest is what happened, in the person's
// own words; nothing that looks like a flag is taken for a word.
func TestAlarms(t *testing.T) {
	v := vocabulary{names: []string{"FAL_KEY"}, unknown: []string{"MEM0_API_KEY"}}
	for text, want := range map[string]struct {
		alarm
		wrong string
	}{
		"fal_key it is on github":              {alarm{"FAL_KEY", "it is on github", false}, ""},
		"FAL_KEY":                              {alarm{"FAL_KEY", "", false}, ""},
		"FAL_KEY --revoke-first vault is open": {alarm{"FAL_KEY", "vault is open", true}, ""},
		"—revoke-first FAL_KEY - it leaked":    {alarm{"FAL_KEY", "it leaked", true}, ""},
		"":                                     {alarm{}, "needs the name"},
		"--revoke-first":                       {alarm{}, "needs the name"},
		"FAL_KEY --now it leaked":              {alarm{}, "no such flag"},
		"MEM0_API_KEY it leaked":               {alarm{}, "not configured here"},
		"FLA_KEY it leaked":                    {alarm{}, "no secret with that name"},
		"FAL_KEY " + strings.Repeat("a ", 300): {alarm{}, "longer than 500"},
	} {
		got, m := v.parseAlarm(text)
		switch {
		case want.wrong == "" && (m != nil || got != want.alarm):
			t.Errorf("%q: %+v, %+v", text, got, m)
		case want.wrong != "" && (m == nil || !strings.Contains(m.what, want.wrong)):
			t.Errorf("%q: %+v, want %q", text, m, want.wrong)
		}
	}
}

// TestEmergencyNeedsAReason: without one nothing starts, and a form asks; what
// comes back with the form is a whole line.
func TestEmergencyNeedsAReason(t *testing.T) {
	d := &desk{}
	said := func(text string, s rotation.Standing) Reply {
		return handler(d).Handle(context.Background(), Request{Command: EmergencyCommand, Text: text, Person: anna, Standing: s})
	}
	asked := said("fal_key --revoke-first", starter)
	if asked.Form == nil || asked.Form.Secret != "FAL_KEY" || len(d.asked) > 0 {
		t.Fatalf("%+v, engine asked %v", asked, d.asked)
	}
	if reply := said(asked.Form.Line+" it leaked", starter); reply.Form != nil || len(d.asked) != 1 || d.asked[0] != "start FAL_KEY by "+anna.ID+" emergency it leaked" {
		t.Errorf("%+v, engine asked %v", reply, d.asked)
	}
	for _, text := range []string{"FAL_KEY", "FAL_KEY it leaked"} {
		if reply := said(text, rotation.Standing{Member: true}); reply.Form != nil || len(d.asked) != 1 {
			t.Errorf("%q by somebody who may not start: %+v, engine asked %v", text, reply, d.asked)
		}
	}
}
