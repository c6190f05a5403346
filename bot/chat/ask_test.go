package chat

import (
	"strings"
	"testing"

	"rekey/bot/chat/render"
)

// TestFilledForm: what is typed into the form of an emergency completes the line;
// what is wrong stands under its own field.
func TestFilledForm(t *testing.T) {
	for name, c := range map[string]struct{ words, since, line, wrong, ticked string }{
		"first":    {"the vault is open", "", "FAL_KEY --revoke-first the vault is open", "", render.FirstBlock + "/" + render.FirstBox},
		"another":  {"the vault is open", "", "FAL_KEY the vault is open", "", render.SinceBlock + "/" + render.FirstBox},
		"all":      {"it is on github", "2026-01-20T08:00Z", "FAL_KEY --since 2026-01-20T08:00:00Z it is on github", "", ""},
		"no since": {"it is on github", " ", "FAL_KEY it is on github", "", ""},
		"no words": {" ", "3d", "", render.ReasonBlock, ""},
		"no time":  {"it leaked", "friday", "", render.SinceBlock, ""},
		"a key":    {"it leaked", "sk-ant-api03-" + strings.Repeat("aB3dE6gH", 12), "", render.SinceBlock, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLive(t)
			l.run(t)
			s := submission{private: "FAL_KEY", user: "U0ANNA", values: map[string]string{render.ReasonBlock: c.words, render.SinceBlock: c.since}, ticked: []string{c.ticked}}
			faults, then, err := l.chat.filled(t.Context(), s)
			switch {
			case err != nil:
				t.Fatal(err)
			case c.wrong != "":
				if faults[c.wrong] == "" || then != nil || strings.Contains(faults[c.wrong], "sk-ant") {
					t.Fatalf("%v", faults)
				}
				return
			}
			if err := then(t.Context()); err != nil {
				t.Fatal(err)
			}
			l.echo.mu.Lock()
			defer l.echo.mu.Unlock()
			if len(l.echo.got) != 1 || l.echo.got[0].Text != c.line {
				t.Errorf("%+v, want %q", l.echo.got, c.line)
			}
		})
	}
}
