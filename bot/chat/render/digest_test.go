package render

import (
	"fmt"
	"testing"
	"time"

	"rekey/commands"
	"rekey/rotation"
	"rekey/rotation/due"
)

func days(n int) time.Time { return noon.Add(time.Duration(n) * 24 * time.Hour) }

func overdue(name string) rotation.Item {
	return rotation.Item{Matter: rotation.Overdue, Secret: name, Title: "fal.ai", Impact: "image generation stops", At: days(-30), Age: due.Age{Known: true, Since: days(-120)}}
}

func digestOf(items ...rotation.Item) Message {
	return Digest(commands.Announce(&rotation.Digest{Tick: noon, At: noon, Within: 14 * 24 * time.Hour, Items: items}))
}

func TestDigest(t *testing.T) {
	open := overdue("OTHER_KEY")
	open.Now = rotation.Now{Known: true, Open: asking(true)}
	for name, m := range map[string]Message{
		"digest": digestOf(
			rotation.Item{Matter: rotation.Halted, Secret: "R2_ACCESS_KEY_ID", Title: "Cloudflare R2", At: days(-2), Next: "Look into it, then `/rotate retry R2_ACCESS_KEY_ID` goes on <from> here."},
			rotation.Item{Matter: rotation.Unrevoked, Secret: "MEM0_API_KEY", Title: "Mem0", At: days(-3)},
			overdue("FAL_KEY"), open,
			rotation.Item{Matter: rotation.DueSoon, Secret: "UPSTASH_REDIS_REST_TOKEN", Title: "Upstash", Impact: "rate limiting disabled", At: days(12), Age: due.Age{Known: true, Since: days(-78)}},
			rotation.Item{Matter: rotation.AdminEnds, Secret: "ANTHROPIC_API_KEY", Title: "Anthropic", At: days(9)},
			rotation.Item{Matter: rotation.Quiet, Secret: "JWT_SECRET", Title: "Supabase", Was: rotation.Overdue, Until: days(6), By: anna},
		),
		"digest-clear": digestOf(),
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, asSent(t, m)) })
	}
}

// TestADigestOfEverything fits into a message, with controls for the most
// urgent.
func TestADigestOfEverything(t *testing.T) {
	var items []rotation.Item
	for i := range 40 {
		items = append(items, overdue(fmt.Sprintf("KEY_%02d_%s", i, "OF_A_SERVICE_WITH_A_LONG_NAME_INDEED_LONG_AND_LONGER")))
	}
	for i := range 40 {
		items = append(items, rotation.Item{Matter: rotation.Quiet, Secret: fmt.Sprintf("QUIET_%02d", i), Was: rotation.DueNow, Until: days(6), By: anna})
	}
	checkLimits(t, "everything", digestOf(items...))
}

func TestOffered(t *testing.T) {
	at := time.UnixMilli(1764057600123)
	for value, want := range map[string]string{"1764057600123": "", "7d 1764057600123": "7d"} {
		if span, seen, ok := Offered(value); !ok || span != want || !seen.Equal(at) {
			t.Errorf("%q: %q, %s, %t", value, span, seen, ok)
		}
	}
}
