package chat

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/finding"
)

// TestExamineSigners: whoever may sign without Slack is looked at while Slack can
// be asked.
func TestExamineSigners(t *testing.T) {
	for name, tt := range map[string]struct {
		signers Signers
		want    string // what is wrong; "" is nothing
	}{
		"nobody":            {Signers{}, "-"},
		"all well":          {Signers{"T1", []string{"U0ANNA", "U0BEN"}}, ""},
		"another workspace": {Signers{"T2", []string{"U0ANNA"}}, "nobody's statement counts"},
		"a guest":           {Signers{"T1", []string{"U0ANNA", "U0CARA"}}, "Not counted: U0CARA (guest)"},
		"nobody's id":       {Signers{"T1", []string{"U0NONE"}}, "Not counted: U0NONE (unknown)"},
		"another id":        {Signers{"T1", []string{"W0DAN"}}, "W0DAN is U0DAN in Slack"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *Config) { c.Signers = tt.signers })
			w.slack.with(func() {
				w.slack.users["U0CARA"]["is_restricted"] = true
				w.slack.users["W0DAN"] = w.slack.users["U0DAN"]
			})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			found := slices.DeleteFunc(w.chat.Examine(ctx, nil, time.Minute), func(f finding.Finding) bool { return f.Looked != "People of the command line" })
			switch {
			case tt.want == "-" && len(found) == 0, tt.want == "" && len(found) == 1 && found[0].Verdict == finding.OK:
			case tt.want == "" || len(found) != 1 || found[0].Verdict != finding.Wrong || !strings.Contains(found[0].Found, tt.want):
				t.Errorf("%+v", found)
			}
		})
	}
}
