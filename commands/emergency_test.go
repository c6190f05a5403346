package commands

import (
	"context"
	"strings"
	"testing"
	"time"

	"rekey/rotation"
)

// TestAlarms: the name comes first, the rest is what happened, in the person's
// own words; nothing that looks like a flag is taken for a word.
func TestAlarms(t *testing.T) {
	noon := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	v := vocabulary{names: []string{"FAL_KEY"}, unknown: []string{"MEM0_API_KEY"}}
	for text, want := range map[string]struct {
		alarm
		wrong string
	}{
		"fal_key it is on github":                       {alarm{name: "FAL_KEY", reason: "it is on github"}, ""},
		"FAL_KEY":                                       {alarm{name: "FAL_KEY"}, ""},
		"FAL_KEY --revoke-first vault is open":          {alarm{name: "FAL_KEY", reason: "vault is open", first: true}, ""},
		"—revoke-first FAL_KEY - it leaked":             {alarm{name: "FAL_KEY", reason: "it leaked", first: true}, ""},
		"FAL_KEY --since 3d it leaked":                  {alarm{name: "FAL_KEY", reason: "it leaked", since: noon.AddDate(0, 0, -3)}, ""},
		"—since=6H fal_key it leaked":                   {alarm{name: "FAL_KEY", reason: "it leaked", since: noon.Add(-6 * time.Hour)}, ""},
		"FAL_KEY it leaked --since `2026-11-20T08:00Z`": {alarm{name: "FAL_KEY", reason: "it leaked", since: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)}, ""},
		"FAL_KEY --since":                               {alarm{}, "since when others"},
		"FAL_KEY --since friday it leaked":              {alarm{}, "no moment"},
		"FAL_KEY --since 2026-11-20T08:00 x":            {alarm{}, "needs its zone"},
		"FAL_KEY --since 2026-11-26 x":                  {alarm{}, "not come yet"},
		"FAL_KEY --since 2006-11-26 x":                  {alarm{}, "ten years"},
		"FAL_KEY --since 1h --since 2h x":               {alarm{}, "twice"},
		"":                                              {alarm{}, "needs the name"},
		"--revoke-first":                                {alarm{}, "needs the name"},
		"FAL_KEY --drill":                               {alarm{name: "FAL_KEY", drill: true, reason: "a drill: nothing has leaked"}, ""},
		"FAL_KEY —drill every month":                    {alarm{name: "FAL_KEY", drill: true, reason: "every month"}, ""},
		"FAL_KEY --env staging it leaked":               {alarm{name: "FAL_KEY", reason: "it leaked", env: "staging"}, ""},
		"—env=Production fal_key it leaked":             {alarm{name: "FAL_KEY", reason: "it leaked", env: "production"}, ""},
		"FAL_KEY it leaked --env `staging` --since 3d":  {alarm{name: "FAL_KEY", reason: "it leaked", env: "staging", since: noon.AddDate(0, 0, -3)}, ""},
		"FAL_KEY --env preview it leaked":               {alarm{}, "whose own key"},
		"FAL_KEY --env":                                 {alarm{}, "whose own key"},
		"FAL_KEY --env staging --env production x":      {alarm{}, "twice"},
		"FAL_KEY --now it leaked":                       {alarm{}, "no such flag"},
		"MEM0_API_KEY it leaked":                        {alarm{}, "not configured here"},
		"FLA_KEY it leaked":                             {alarm{}, "no secret with that name"},
		"FAL_KEY it leaked --revok-first":               {alarm{}, "no such flag"}, // it would go into a vault that is read
		"FAL_KEY -> see the ticket":                     {alarm{name: "FAL_KEY", reason: "-> see the ticket"}, ""},
		"FAL_KEY curl -v printed it, --verbose":         {alarm{name: "FAL_KEY", reason: "curl -v printed it, --verbose"}, ""},
		"FAL_KEY it leaked, and MEM0_API_KEY":           {alarm{name: "FAL_KEY", reason: "it leaked, and MEM0_API_KEY"}, ""}, // which is not configured
		"FAL_KEY " + strings.Repeat("a ", 300):          {alarm{name: "FAL_KEY", reason: strings.Repeat("a ", 249) + "a…", cut: true}, ""},
	} {
		got, m := v.parseAlarm(text, noon)
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
	if asked := said("fal_key --env staging", starter); asked.Form == nil || !strings.Contains(asked.Form.What, "staging gets a new") || !strings.Contains(asked.Form.With(false, "", "x"), "--env staging x") {
		t.Errorf("%+v", asked.Form)
	}
	asked := said("fal_key --revoke-first --since 2026-11-20T09:00+01:00", starter)
	if asked.Form == nil || !asked.Form.First || asked.Form.Many || asked.Form.Secret != "FAL_KEY" || asked.Form.Since != "2026-11-20T08:00:00Z" || len(d.asked) > 0 {
		t.Fatalf("%+v, engine asked %v", asked, d.asked)
	}
	if reply := said(asked.Form.With(asked.Form.First, asked.Form.Since, "it leaked"), starter); reply.Form != nil || len(d.asked) != 1 || d.asked[0] != "start FAL_KEY by "+anna.ID+" emergency it leaked since 2026-11-20T08:00:00Z" {
		t.Errorf("%+v, engine asked %v", reply, d.asked)
	}
	for _, text := range []string{"FAL_KEY", "FAL_KEY it leaked"} {
		if reply := said(text, rotation.Standing{Member: true}); reply.Form != nil || len(d.asked) != 1 {
			t.Errorf("%q by somebody who may not start: %+v, engine asked %v", text, reply, d.asked)
		}
	}
}
