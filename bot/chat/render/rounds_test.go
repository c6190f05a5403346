package render

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rekey/providers"
	"rekey/rotation"
)

// walk is a batch in which people make and end keys at three consoles, with a
// visit in every state.
func walk() *rotation.Progress {
	p := several()
	visit := func(part int, secret, title string, change func(*rotation.Rotation), visits ...rotation.Visit) {
		r := wanted()
		r.Secret, r.Visits = secret, visits
		p.Parts[part].Secret, p.Parts[part].Title, p.Parts[part].Rotation = secret, title, r
		change(r)
	}
	issue := func(console, label, name string) rotation.Visit {
		return rotation.Visit{Environment: rotation.Staging, Console: console, Key: label, Inbox: "folder /inbox of staging", Paste: []string{name}, Asked: noon}
	}
	const claude, label = "https://platform.claude.com/settings/keys", "rk_acme_staging_abc_1"
	due := issue(claude, label, "ANTHROPIC_API_KEY")
	taken := issue("https://app.mem0.ai/dashboard/api-keys", "rk_acme_all_def_1", "MEM0_API_KEY")
	taken.Taken = noon.Add(3 * time.Minute)
	end := rotation.Visit{Ends: true, Console: taken.Console, Key: "…Q5pM", Asked: noon}
	visit(0, "ANTHROPIC_API_KEY", "Anthropic", func(*rotation.Rotation) {}, due)
	visit(1, "MEM0_API_KEY", "Mem0", func(r *rotation.Rotation) {
		r.Cell.Shared, r.Ends = true, map[string]rotation.Ending{"": {}}
	}, taken, end)
	visit(2, "ANTHROPIC_BATCH_KEY", "Anthropic", func(r *rotation.Rotation) { r.Errand.Wrong = "That key <has> another name." }, due)
	visit(3, "AYRSHARE_API_KEY", "Ayrshare", func(r *rotation.Rotation) { r.Cell.Shape = providers.Cutover }, issue("https://app.ayrshare.com/api", label, "AYRSHARE_API_KEY"))
	visit(4, "MEM0_OLD_KEY", "Mem0", func(r *rotation.Rotation) { r.Ends = map[string]rotation.Ending{"": {Dead: noon.Add(9 * time.Minute)}} }, end)
	visit(5, "LANGFUSE_SECRET_KEY", "Langfuse", func(r *rotation.Rotation) { r.State = rotation.Stuck }, issue("http://langfuse.acme.test/settings", label, "LANGFUSE_SECRET_KEY"))
	p.Parts[5].Rotation.Errand.Label = label
	return p
}

// walked is the same when nobody is needed any more.
func walked() *rotation.Progress {
	p := walk()
	for _, part := range p.Parts {
		part.Rotation.Errand, part.Rotation.State = nil, rotation.Abandoned
	}
	return p
}

// TestLongWalksFit: a list of more visits than one message holds is one still.
func TestLongWalksFit(t *testing.T) {
	p := walk()
	for i := range 200 {
		r := wanted()
		r.Errand.Wrong = strings.Repeat("That key has another name. ", 20)
		r.Visits = []rotation.Visit{{Environment: rotation.Staging, Console: fmt.Sprintf("https://console.test/%d", i), Key: r.Errand.Label, Paste: []string{"KEY"}}}
		p.Parts = append(p.Parts, rotation.Part{Member: &rotation.Member{Secret: "S", Title: "T"}, Rotation: r})
	}
	checkLimits(t, "rounds", Rounds(p, nil, team))
}
