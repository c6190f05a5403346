package helius

import (
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"rekey/internal/sandbox/wire"
)

// call is a request of JSON-RPC.
type call struct {
	Version string `json:"jsonrpc"`
	ID      any    `json:"id"`
	Method  string `json:"method"`
}

// rpc answers for a node, to whoever has a key that its rules admit.
func (s *Server) rpc(w http.ResponseWriter, r *http.Request) {
	var q call
	if err := wire.ReadJSON(r, &q); err != nil || q.Version != "2.0" {
		failed(w, http.StatusBadRequest, q.ID, -32600, "Invalid Request")
		return
	}
	value, site := r.URL.Query().Get("api-key"), r.Header.Get("Origin")
	all := s.Keys()
	at := slices.IndexFunc(all, func(k Key) bool { return k.Value == value && s.takes(k) })
	if at < 0 || all[at].Sites != nil && !slices.Contains(all[at].Sites, site) {
		failed(w, http.StatusUnauthorized, q.ID, -32001, "Unauthorized")
		return
	}
	s.mu.Lock()
	s.slot++
	slot := s.slot
	s.mu.Unlock()
	node(w, q, slot)
}

// node answers the two questions that are asked here.
func node(w http.ResponseWriter, q call, slot int) {
	switch q.Method {
	case "getHealth":
		wire.JSON(w, http.StatusOK, map[string]any{"jsonrpc": "2.0", "id": q.ID, "result": "ok"})
	case "getSlot":
		wire.JSON(w, http.StatusOK, map[string]any{"jsonrpc": "2.0", "id": q.ID, "result": slot})
	default:
		failed(w, http.StatusOK, q.ID, -32601, "Method not found")
	}
}

func failed(w http.ResponseWriter, status int, id any, code int, message string) {
	wire.JSON(w, status, map[string]any{"jsonrpc": "2.0", "id": id, "error": map[string]any{"code": code, "message": message}})
}

func refuse(w http.ResponseWriter, status int, message string) {
	wire.JSON(w, status, map[string]string{"message": message})
}

// signedIn lets the session's token through.
func (s *Server) signedIn(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+s.token {
			refuse(w, http.StatusUnauthorized, "Unauthorized")
			return
		}
		h(w, r)
	}
}

func (s *Server) inProject(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(s.projects, r.PathValue("project")) {
			refuse(w, http.StatusNotFound, "Project not found")
			return
		}
		h(w, r)
	}
}

func (s *Server) listProjects(w http.ResponseWriter, _ *http.Request) {
	all := []any{}
	for _, id := range s.projects {
		all = append(all, map[string]any{
			"id": id, "name": id, "subscription": map[string]string{"plan": "developer_v4"},
			"users": []any{map[string]string{"id": "user-invited", "role": "Member"}, map[string]string{"id": owner(id), "role": "Owner"}},
		})
	}
	wire.JSON(w, http.StatusOK, all)
}

// json is a key as the portal shows it.
func (k Key) json() map[string]any {
	return map[string]any{"keyId": k.Value, "keyName": k.Name, "walletId": "wallet-1", "createdAt": k.Created.UTC().Format(time.RFC3339Nano), "usagePlan": "developer_v4"}
}

func (s *Server) listKeys(w http.ResponseWriter, r *http.Request) {
	all := []any{}
	for _, k := range s.Keys() {
		if k.Project == r.PathValue("project") && k.Deleted.IsZero() {
			all = append(all, k.json())
		}
	}
	wire.JSON(w, http.StatusOK, map[string]any{"apiKeys": all, "creditsUsage": map[string]int{"totalCreditsUsed": 1234}, "billingCycle": map[string]string{"start": "2026-11-01", "end": "2026-12-01"}})
}

// addKey makes a key in the owner's name. It takes no other.
func (s *Server) addKey(w http.ResponseWriter, r *http.Request) {
	var q struct {
		User string `json:"userId"`
	}
	project := r.PathValue("project")
	if err := wire.ReadJSON(r, &q); err != nil || q.User != owner(project) {
		refuse(w, http.StatusForbidden, "Forbidden")
		return
	}
	s.mu.Lock()
	if s.fullLocked(project) {
		s.mu.Unlock()
		refuse(w, http.StatusBadRequest, "Maximum number of API keys reached")
		return
	}
	k, hook := *s.addLocked(project, "", time.Now()), s.onWrite
	s.mu.Unlock()
	if hook != nil {
		hook(k)
	}
	wire.JSON(w, http.StatusOK, k.json())
}

// Public is an RPC that takes anybody: what applications fall back to.
type Public struct {
	// Requests is every request received.
	Requests *wire.Recorder

	calls atomic.Int64
}

// NewPublic returns one that nobody has asked yet.
func NewPublic() *Public { return &Public{Requests: &wire.Recorder{}} }

// Handler serves it at the root.
func (p *Public) Handler() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) {
		var q call
		if err := wire.ReadJSON(r, &q); err != nil {
			failed(w, http.StatusBadRequest, q.ID, -32600, "Invalid Request")
			return
		}
		node(w, q, 300_000_000+int(p.calls.Add(1)))
	})
	return wire.Tap{Recorder: p.Requests, Faults: &wire.Faults{}}.Wrap(m)
}

// Calls counts what it was asked: each time somebody's own key did not do.
func (p *Public) Calls() int { return int(p.calls.Load()) }
