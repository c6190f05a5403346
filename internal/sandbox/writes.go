package sandbox

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"rekey/internal/sandbox/anthropic"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/fal"
	"rekey/internal/sandbox/infisical"
)

// Kind is a kind of write that the bot makes outside.
type Kind string

// The kinds, in the order of a routine rotation.
const (
	Create           Kind = "create"
	VaultStaging     Kind = "vault write staging"
	DeployStaging    Kind = "deploy staging"
	VaultProduction  Kind = "vault write production"
	DeployProduction Kind = "deploy production"
	ApprovalCard     Kind = "approval card"
	Delete           Kind = "delete"

	// Digest is what the bot tells of itself, outside of rotations.
	Digest Kind = "digest"
)

// The kinds that come beside them in a rotation with a person at a console.
const (
	EmptyInboxStaging    Kind = "empty the inbox of staging"
	EmptyInboxProduction Kind = "empty the inbox of production"
	SwitchOff            Kind = "switch off"
	SwitchOn             Kind = "switch on"
	Archive              Kind = "archive"
)

// GuidedKinds lists the kinds of such a rotation in their order. Switching on
// is none of them: it happens when something went wrong.
func GuidedKinds() []Kind {
	return []Kind{VaultStaging, EmptyInboxStaging, DeployStaging, VaultProduction, EmptyInboxProduction, DeployProduction, ApprovalCard, SwitchOff, Archive}
}

// Kinds lists the kinds in the order of a routine rotation.
func Kinds() []Kind {
	return []Kind{Create, VaultStaging, DeployStaging, VaultProduction, DeployProduction, ApprovalCard, Delete}
}

// Write is one write the bot made.
type Write struct {
	Kind Kind      `json:"kind"`
	Nth  int       `json:"nth"` // of this kind, from 1
	What string    `json:"what"`
	At   time.Time `json:"at"`
	// Approved is whose approval stood in Slack when the write came, in the
	// threads of all rotations.
	Approved []Approval `json:"approved,omitempty"`
}

// writes remembers what was written and who wants to know.
type writes struct {
	mu    sync.Mutex
	all   []Write
	count map[Kind]int
	hook  func(Write)
}

// OnWrite sets a function called for every write of the bot, synchronously,
// after the write had its effect and before its answer is sent. While it runs
// the bot waits for its answer: a bot killed by it has written and does not
// know. It must not call back into the bot and wait.
func (w *World) OnWrite(fn func(Write)) {
	w.writes.mu.Lock()
	defer w.writes.mu.Unlock()
	w.writes.hook = fn
}

// Writes lists what the bot wrote so far, in order.
func (w *World) Writes() []Write {
	w.writes.mu.Lock()
	defer w.writes.mu.Unlock()
	return append([]Write(nil), w.writes.all...)
}

// wrote notes a write, with who approved it so far.
func (w *World) wrote(k Kind, what string) {
	w.writes.note(Write{Kind: k, What: what, Approved: w.approvers()})
}

func (s *writes) note(n Write) {
	s.mu.Lock()
	if s.count == nil {
		s.count = map[Kind]int{}
	}
	s.count[n.Kind]++
	n.Nth, n.At = s.count[n.Kind], time.Now()
	s.all = append(s.all, n)
	hook := s.hook
	s.mu.Unlock()
	if hook != nil {
		hook(n)
	}
}

// watchWrites listens at every service the bot writes to.
func (w *World) watchWrites() {
	w.Fal.OnWrite(func(f fal.Write) {
		if f.Act == fal.Created {
			w.wrote(Create, f.KeyID+" "+f.Alias)
			return
		}
		w.wrote(Delete, f.KeyID)
	})
	w.Anthropic.OnWrite(func(a anthropic.Write) {
		k := map[anthropic.Status]Kind{anthropic.Active: SwitchOn, anthropic.Inactive: SwitchOff, anthropic.Archived: Archive}[a.Status]
		w.wrote(k, a.KeyID)
	})
	w.R2.OnWrite(w.noteMedia)
	w.watchSupabase()
	w.watchMemory()
	w.watchJobs()
	w.watchChain()
	w.Langfuse.OnWrite(w.noteTraces)
	w.watchDatabases()
	w.Infisical.OnWrite(func(i infisical.Write) {
		k := vaultKind(i)
		what := strings.Join(i.Names, " ")
		if i.Held {
			what += " (held for approval)"
		}
		w.wrote(k, what)
	})
	w.Target.OnDeploy(func(d app.Deployment) {
		if strings.HasPrefix(d.Key, "console-") {
			return // a colleague's
		}
		k := DeployProduction
		if d.Environment == Staging {
			k = DeployStaging
		}
		w.wrote(k, d.ID)
	})
}

// vaultKind tells values written from an inbox emptied.
func vaultKind(i infisical.Write) Kind {
	kinds := [2]Kind{VaultStaging, VaultProduction}
	if i.Gone || i.Path == InboxPath {
		kinds = [2]Kind{EmptyInboxStaging, EmptyInboxProduction}
	}
	if i.Environment == Staging {
		return kinds[0]
	}
	return kinds[1]
}

// cards sits in front of Slack and notices when an approval card or a digest was
// posted. The answer is held back until the hook has returned.
func (w *World) cards(next http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/chat.postMessage" {
			next.ServeHTTP(out, r) // sockets and everything else go straight through
			return
		}
		h := &held{header: http.Header{}, status: http.StatusOK}
		next.ServeHTTP(h, r)
		var posted struct {
			OK          bool
			Channel, TS string
		}
		if json.Unmarshal(h.body.Bytes(), &posted) == nil && posted.OK {
			m, _ := w.Slack.Message(posted.Channel, posted.TS)
			switch {
			case asksApproval(m.Text):
				w.requests.note(m)
				w.wrote(ApprovalCard, m.TS)
			case strings.Contains(m.Text, "Secrets: "):
				w.wrote(Digest, m.TS)
			}
		}
		maps.Copy(out.Header(), h.header)
		out.WriteHeader(h.status)
		_, _ = out.Write(h.body.Bytes())
	})
}

// asksApproval reports whether a message asks for a ✅ or a ❌.
func asksApproval(text string) bool {
	has := func(all ...string) bool {
		for _, s := range all {
			if strings.Contains(text, s) {
				return true
			}
		}
		return false
	}
	return has("✅", ":white_check_mark:") && has("❌", ":x:")
}

// held is an answer kept back.
type held struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *held) Header() http.Header         { return h.header }
func (h *held) WriteHeader(status int)      { h.status = status }
func (h *held) Write(p []byte) (int, error) { return h.body.Write(p) }
