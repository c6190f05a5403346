package commands

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rekey/rotation"
	"rekey/rotation/due"
)

var told = time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)

func daysAgo(n int) time.Time { return told.Add(-time.Duration(n) * 24 * time.Hour) }

// everyMatter is a digest in which everything happens.
func everyMatter() *rotation.Digest {
	return &rotation.Digest{Tick: told, At: told, Within: 14 * 24 * time.Hour, Items: []rotation.Item{
		{Matter: rotation.Halted, Secret: "R2_ACCESS_KEY_ID", Title: "Cloudflare R2", At: daysAgo(2), Next: "Look into it, then `/rotate retry R2_ACCESS_KEY_ID` goes on from here."},
		{Matter: rotation.Unrevoked, Secret: "MEM0_API_KEY", Title: "Mem0", At: daysAgo(3)},
		{Matter: rotation.Undecided, Secret: "TRIGGER_API_KEY", Title: "Trigger.dev", At: told.Add(-3 * time.Hour), Until: told.Add(21 * time.Hour)},
		{Matter: rotation.Undecided, Secret: "LANGFUSE_SECRET_KEY", Title: "Langfuse", At: told},
		{Matter: rotation.Overdue, Secret: "FAL_KEY", Title: "fal.ai", Impact: "image generation stops", At: daysAgo(30), Age: due.Age{Known: true, Since: daysAgo(120)}},
		{Matter: rotation.Overdue, Secret: "MY_FAL", Title: "fal.ai", At: daysAgo(20), Age: due.Age{AtLeast: true, Since: daysAgo(110)}},
		{Matter: rotation.DueNow, Secret: "AYRSHARE_API_KEY", Title: "Ayrshare", Impact: "social publishing stops", At: daysAgo(1), Age: due.Age{Known: true, Since: daysAgo(91)}},
		{Matter: rotation.DueSoon, Secret: "UPSTASH_REDIS_REST_TOKEN", Title: "Upstash", Impact: "rate limiting disabled", At: daysAgo(-12), Age: due.Age{Known: true, Since: daysAgo(78)}},
		{Matter: rotation.Untold, Secret: "SUPABASE_SERVICE_ROLE_KEY", Title: "Supabase", Impact: "all API routes fail", Age: due.Age{AtLeast: true, Since: daysAgo(30)}},
		{Matter: rotation.Untold, Secret: "OTHER_KEY", Title: "fal.ai", Unread: "the vault did not tell"},
		{Matter: rotation.AdminEnds, Secret: "ANTHROPIC_API_KEY", Title: "Anthropic", At: daysAgo(-9)},
		{Matter: rotation.AdminEnds, Secret: "FAL_KEY", Title: "fal.ai", At: daysAgo(1)},
		{Matter: rotation.Quiet, Secret: "JWT_SECRET", Title: "Supabase", At: daysAgo(12), Was: rotation.Overdue, Until: daysAgo(-6), By: anna},
	}}
}

func spelled(b Bulletin) string {
	var s strings.Builder
	fmt.Fprintf(&s, "# %s\n(%s)\n", b.Title, b.Text)
	for _, p := range b.Parts {
		fmt.Fprintf(&s, "\n## %s\n", p.Title)
		for _, l := range p.Lines {
			fmt.Fprintf(&s, "- %s: %s", l.Label, l.Text)
			if !l.When.IsZero() {
				fmt.Fprintf(&s, " [%s]", l.When.UTC().Format(time.RFC3339))
			}
			if l.Detail != "" {
				fmt.Fprintf(&s, "\n  %s", l.Detail)
			}
			if l.Since != "" {
				fmt.Fprintf(&s, " | %s", l.Since)
			}
			if l.Offer {
				s.WriteString(" <rotate> <snooze>")
			}
			s.WriteString("\n")
		}
	}
	for _, q := range b.Quiet {
		fmt.Fprintf(&s, "\nquiet: %s %s %s until %s\n", q.Label, q.Text, q.Who.ID, q.When.Format(time.RFC3339))
	}
	return s.String() + "\n> " + strings.Join(b.Notes, "\n> ") + "\n"
}

func TestAnnounce(t *testing.T) {
	golden(t, "digest", spelled(Announce(everyMatter())))
	golden(t, "digest-clear", spelled(Announce(&rotation.Digest{At: told, Within: 14 * 24 * time.Hour})))
}

// TestAnnounceLater: what has happened since is said, and offers nothing.
func TestAnnounceLater(t *testing.T) {
	open := func(s rotation.State) rotation.Now {
		return rotation.Now{Known: true, Open: &rotation.Rotation{State: s}}
	}
	for name, c := range map[string]struct {
		matter rotation.Matter
		now    rotation.Now
		since  string
		offer  bool
	}{
		"nothing happened":                {rotation.Overdue, rotation.Now{Known: true}, "", true},
		"a rotation was started":          {rotation.Overdue, open(rotation.Running), "A rotation is open now; its message tells how far it is.", false},
		"it was rotated":                  {rotation.DueSoon, rotation.Now{Known: true, Rotated: true}, "Rotated since.", false},
		"it was snoozed":                  {rotation.Untold, rotation.Now{Known: true, Asleep: &rotation.Snooze{}}, "Snoozed", false},
		"still pending":                   {rotation.Unrevoked, open(rotation.Pending), "", false},
		"pending, and retried":            {rotation.Unrevoked, open(rotation.Running), "A rotation is open now; its message tells how far it is.", false},
		"pending, and done":               {rotation.Unrevoked, rotation.Now{Known: true, Rotated: true}, "Rotated since.", false},
		"stopped, and cancelled":          {rotation.Halted, rotation.Now{Known: true}, "Not open any more.", false},
		"an admin credential, and done":   {rotation.AdminEnds, rotation.Now{Known: true, Rotated: true}, "", false},
		"approved, and now being revoked": {rotation.Undecided, open(rotation.Running), "A rotation is open now; its message tells how far it is.", false},
	} {
		l := line(rotation.Item{Matter: c.matter, Secret: "FAL_KEY", Title: "fal.ai", At: told, Now: c.now}, told)
		if l.Since != c.since || l.Offer != c.offer {
			t.Errorf("%s: %q, offers %t; want %q, %t", name, l.Since, l.Offer, c.since, c.offer)
		}
	}
}
