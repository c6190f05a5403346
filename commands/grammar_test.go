package commands

import (
	"strings"
	"testing"
	"time"
)

var testWords = vocabulary{names: []string{"FAL_KEY", "ANTHROPIC_API_KEY", "NEXT_PUBLIC_HELIUS_RPC_URL"}, unknown: []string{"MEM0_API_KEY"}}

func TestParse(t *testing.T) {
	tests := map[string]ask{
		"":                            {verb: list},
		"  ":                          {verb: list},
		"list":                        {verb: list},
		"FAL_KEY":                     {verb: start, name: "FAL_KEY"},
		"fal_key":                     {verb: start, name: "FAL_KEY"},
		"Fal-Key":                     {verb: start, name: "FAL_KEY"},
		"`FAL_KEY`":                   {verb: start, name: "FAL_KEY"},
		"FAL_KEY --plan":              {verb: plan, name: "FAL_KEY"},
		"--plan FAL_KEY":              {verb: plan, name: "FAL_KEY"},
		"FAL_KEY —plan":               {verb: plan, name: "FAL_KEY"},
		"next_public_helius_rpc_url":  {verb: start, name: "NEXT_PUBLIC_HELIUS_RPC_URL"},
		"status":                      {verb: status},
		"STATUS fal_key":              {verb: status, name: "FAL_KEY"},
		"cancel FAL_KEY":              {verb: cancel, name: "FAL_KEY"},
		"retry FAL_KEY":               {verb: retry, name: "FAL_KEY"},
		"rollback fal_key":            {verb: back, name: "FAL_KEY"},
		"help":                        {verb: help},
		"help me please":              {verb: help},
		"history FAL_KEY":             {verb: later, word: "history"},
		"snooze ANTHROPIC_API_KEY 3d": {verb: snooze, name: "ANTHROPIC_API_KEY", span: 3 * 24 * time.Hour},
		"Snooze fal_key 2 weeks":      {verb: snooze, name: "FAL_KEY", span: 14 * 24 * time.Hour},
		"snooze FAL_KEY 30D":          {verb: snooze, name: "FAL_KEY", span: 30 * 24 * time.Hour},
		"unsnooze FAL_KEY":            {verb: wake, name: "FAL_KEY"},
		"doctor":                      {verb: doctor},
	}
	for text, want := range tests {
		got, m := testWords.parse(text)
		if m != nil {
			t.Errorf("parse(%q) refuses: %s", text, m.what)
		} else if got != want {
			t.Errorf("parse(%q) = %+v, want %+v", text, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	tests := map[string]string{ // line to what the answer must hold
		"FAL_KYE":             "`FAL_KEY`",
		"fal":                 "`FAL_KEY`",
		"antropic_api_key":    "`ANTHROPIC_API_KEY`",
		"cancel FALKEY":       "`FAL_KEY`",
		"statsu":              "`/rotate status`",
		"retyr FAL_KEY":       "`/rotate retry`",
		"xyzzy":               "no secret with that name",
		"mem0_api_key":        "not configured here",
		"FAL_KEY --force":     "no such flag",
		"FAL_KEY -f":          "no such flag",
		"--yes":               "no such flag",
		"--plan":              "for which secret",
		"status --plan":       "name of a secret only",
		"cancel":              "`/rotate cancel NAME`",
		"retry":               "`/rotate retry NAME`",
		"rollback":            "`/rotate rollback NAME`",
		"FAL_KEY now":         "One secret at a time",
		"FAL_KEY status":      "`/rotate status FAL_KEY`",
		"snooze":              "`/rotate snooze NAME 7d`",
		"snooze FAL_KEY":      "`/rotate snooze FAL_KEY 7d`",
		"snooze FAL_KEY 31d":  "1 to 30 days",
		"snooze FAL_KEY 0d":   "1 to 30 days",
		"snooze FAL_KEY 5w":   "1 to 30 days",
		"snooze FAL_KEY 3h":   "1 to 30 days",
		"snooze FAL_KEY 3d x": "1 to 30 days",
		"snooze FALKEY 3d":    "`FAL_KEY`",
		"unsnooze":            "`/rotate unsnooze NAME`",
		"FAL_KEY snooze":      "`/rotate snooze FAL_KEY`",
		"cancel FAL_KEY soon": "more than `cancel`",
		"list everything":     "more than `list`",
	}
	for text, want := range tests {
		_, m := testWords.parse(text)
		if m == nil {
			t.Errorf("parse(%q) accepts", text)
		} else if all := m.what + " " + m.hint; !strings.Contains(all, want) {
			t.Errorf("parse(%q) says %q, want %q in it", text, all, want)
		}
	}
}

// Whatever is typed, the answer is one of: an ask about a configured secret,
// or sentences that repeat nothing of the line.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "FAL_KEY", "FAL_KEY --plan", "status zebra77", "cancel", "—plan fal_key", "\u200b", "`` -- -", "retry \xff\xfe"} {
		f.Add(seed)
	}
	allowed := words(strings.Join(everySentence(), " "))
	f.Fuzz(func(t *testing.T, text string) {
		a, m := testWords.parse(text)
		if m == nil {
			if a.name != "" && !contains(testWords.names, a.name) {
				t.Errorf("accepted the name %q", a.name)
			}
			if (a.verb == start || a.verb == plan || a.verb == cancel || a.verb == retry || a.verb == back || a.verb == snooze || a.verb == wake) != (a.name != "") && a.verb != status {
				t.Errorf("verb %s with name %q", a.verb, a.name)
			}
			return
		}
		if m.what == "" || m.hint == "" {
			t.Error("a refusal without a sentence")
		}
		for w := range words(m.what + " " + m.hint) {
			if !allowed[w] {
				t.Errorf("the refusal holds %q, which no sentence of ours has", w)
			}
		}
	})
}

// everySentence lists what refusals are made of, apart from the line itself.
func everySentence() []string {
	sentences := append([]string{}, testWords.names...)
	sentences = append(sentences, testWords.unknown...)
	sentences = append(sentences, verbWords()...)
	for _, u := range usage {
		sentences = append(sentences, u)
	}
	return append(sentences,
		"`--plan` needs to know for which secret. goes with the name of a secret only.",
		"That is more than can use. needs the name of a secret.",
		"That is neither a secret configured here nor a command. Did you mean `/rotate X`?",
		"The command comes before the name. One secret at a time, and nothing after its name but `--plan`.",
		"is known to Rekey but not configured here. Try Add it to the configuration, or see `/rotate` for what is",
		"There is no secret with that name here. `/rotate` lists those there are",
		"`snooze` needs to know for how long. That is not 1 to 30 days. Try `/rotate snooze X 7d`, or `2w` for weeks.",
		"There is no such flag, and none that skips a check. The only flag is `--plan`. `/rotate NAME --plan`")
}

func words(text string) map[string]bool {
	all := make(map[string]bool)
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" `/.,?", r) }) {
		all[w] = true
	}
	return all
}

func TestNearest(t *testing.T) {
	names := []string{"FAL_KEY", "MEM0_API_KEY", "TRIGGER_API_KEY", "JWT_SECRET"}
	tests := map[string]string{
		"FAL_KEY": "FAL_KEY", "fal-key": "FAL_KEY", "FLA_KEY": "FAL_KEY", "FAL_KEYS": "FAL_KEY", "jwt": "JWT_SECRET",
		"mem_api_key": "MEM0_API_KEY", "triger_api_key": "TRIGGER_API_KEY", "banana": "", "": "", "x": "",
	}
	for word, want := range tests {
		if got := nearest(word, names); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "abd", 1}, {"abc", "xabc", 1}, {"kitten", "sitting", 3}, {"äb", "b", 1}}
	for _, tt := range tests {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := distance(tt.b, tt.a); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d: it must be symmetric", tt.b, tt.a, got, tt.want)
		}
	}
}
