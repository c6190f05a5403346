package command_test

import (
	"os"
	"strings"
	"testing"

	"rekey/deploy/command"
	"rekey/internal/finding"
)

// TestExamine looks at both programs and starts nothing.
func TestExamine(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(g *target)
		status  finding.Verdict
		run     finding.Verdict
		found   string // a part of one of the two
	}{
		"well":                        {func(*target) {}, finding.OK, finding.Unclear, "was not tried"},
		"a program that knows all":    {func(g *target) { g.script("status", "#!/bin/sh\necho succeeded\n") }, finding.Wrong, finding.Unclear, `must say "none"`},
		"a program that fails":        {func(g *target) { g.write("gone", "") }, finding.Unclear, finding.Unclear, "ended with 1"},
		"no run program":              {func(g *target) { g.remove("run") }, finding.OK, finding.Wrong, "not there"},
		"a run program like any text": {func(g *target) { g.mode("run", 0o600) }, finding.OK, finding.Wrong, "may not run it"},
		"a folder":                    {func(g *target) { g.remove("run"); g.folder("run") }, finding.OK, finding.Wrong, "not there"},
	} {
		t.Run(name, func(t *testing.T) {
			g := open(t)
			c.arrange(g)
			found := g.deployer(func(c *command.Config) { c.Run = c.Run[:1] }).Examine(t.Context(), "staging")
			if len(found) != 2 || found[0].Verdict != c.status || found[1].Verdict != c.run || !strings.Contains(found[0].Found+found[1].Found, c.found) {
				t.Errorf("%+v", found)
			}
			if g.read("starts") != "" {
				t.Error("something was started")
			}
		})
	}
}

func (g *target) remove(name string) { g.must(os.Remove(g.path(name))) }

func (g *target) mode(name string, m os.FileMode) { g.must(os.Chmod(g.path(name), m)) }

func (g *target) folder(name string) { g.must(os.Mkdir(g.path(name), 0o700)) }

func (g *target) must(err error) {
	g.Helper()
	if err != nil {
		g.Fatal(err)
	}
}
