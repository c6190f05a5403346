package chat

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/finding"
)

// TestExamineWaitsItsTurn: a method that Slack asked this bot to leave alone is
// left alone by its doctor too.
func TestExamineWaitsItsTurn(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	rules := []Rule{{Secrets: []string{"FAL_KEY"}, Approvers: w.config.Approvers, Quorum: 1}}
	approvers := func() finding.Finding {
		found := w.chat.Examine(ctx, rules, time.Minute)
		at := slices.IndexFunc(found, func(f finding.Finding) bool { return strings.HasPrefix(f.Looked, "Approvers of FAL_KEY") })
		if at < 0 {
			t.Fatalf("%+v", found)
		}
		return found[at]
	}
	if f := approvers(); f.Verdict != finding.OK || len(w.slack.called(methodUser)) == 0 {
		t.Errorf("%+v", f)
	}
	before := len(w.slack.called(methodUser))
	w.chat.api.limits.shut(methodUser, time.Hour)
	if f := approvers(); f.Verdict != finding.Unclear {
		t.Errorf("%+v", f)
	}
	if after := len(w.slack.called(methodUser)); after != before {
		t.Errorf("it was asked %d times more", after-before)
	}
}
