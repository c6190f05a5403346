package r2

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"rekey/internal/sandbox/wire"
)

// json is a token as the account shows it: never its value.
func (t Token) json() map[string]any {
	stamp := t.Issued.UTC().Format(time.RFC3339)
	m := map[string]any{
		"id": t.ID, "name": t.Name, "status": t.State(time.Now()), "issued_on": stamp, "modified_on": stamp, "policies": t.shown(),
	}
	if !t.Expires.IsZero() {
		m["expires_on"] = t.Expires.UTC().Format(time.RFC3339)
	}
	if t.Condition != nil {
		m["condition"] = t.Condition
	}
	return m
}

// shown are the policies with the names of their groups.
func (t Token) shown() []Policy {
	all := slices.Clone(t.Policies)
	for i, p := range all {
		all[i].Groups = slices.Clone(p.Groups)
		for j, g := range p.Groups {
			all[i].Groups[j].Name = groups[g.ID]
		}
	}
	return all
}

// list pages through the account's tokens.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	page, size := number(q.Get("page"), 1), number(q.Get("per_page"), 20)
	if page < 1 || size < 5 || size > 50 {
		refuse(w, http.StatusBadRequest, 1001, "Invalid page or per_page")
		return
	}
	size = min(size, s.o.MaxPage)
	var all []any
	for _, t := range s.Tokens() {
		over := t.State(time.Now()) == Expired
		if !t.Gone && !t.Personal && (!over || q.Get("include_expired") == "true") {
			all = append(all, t.json())
		}
	}
	start := min((page-1)*size, len(all))
	shown := append([]any{}, all[start:min(start+size, len(all))]...)
	answer(w, shown, map[string]int{"page": page, "per_page": size, "count": len(shown), "total_count": len(all)})
}

func number(text string, missing int) int {
	if text == "" {
		return missing
	}
	n, _ := strconv.Atoi(text) // what is no number is 0, which is refused
	return n
}

func (s *Server) look(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	t := s.byIDLocked(r.PathValue("id"))
	s.mu.Unlock()
	if t == nil || t.Personal {
		notFound(w)
		return
	}
	answer(w, t.json(), nil)
}

func notFound(w http.ResponseWriter) { refuse(w, http.StatusNotFound, 1003, "Token not found") }

// wanted is a token as it is asked for.
type wanted struct {
	Name      string
	Policies  []Policy
	Condition any
	Expires   time.Time `json:"expires_on"`
	NotBefore time.Time `json:"not_before"`
	Status    Status
}

// read takes the members of a token in. Groups must exist; what resources name
// is nobody's concern.
func read(r *http.Request) (wanted, bool) {
	var q wanted
	if err := wire.ReadJSON(r, &q); err != nil || q.Name == "" || len(q.Name) > 120 || len(q.Policies) == 0 {
		return q, false
	}
	for i, p := range q.Policies {
		if p.ID != "" || p.Effect != "allow" && p.Effect != "deny" || len(p.Groups) == 0 || len(p.Resources) == 0 {
			return q, false
		}
		if slices.ContainsFunc(p.Groups, func(g Group) bool { return groups[g.ID] == "" }) {
			return q, false
		}
		q.Policies[i].ID = random(16)
	}
	return q, q.Status == "" || q.Status == Active || q.Status == Disabled
}

func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	q, ok := read(r)
	if !ok {
		refuse(w, http.StatusBadRequest, 1001, "Invalid request body")
		return
	}
	s.mu.Lock()
	if len(slices.DeleteFunc(slices.Clone(s.tokens), func(t *Token) bool { return t.Gone || t.Personal })) >= mostTokens {
		s.mu.Unlock()
		refuse(w, http.StatusBadRequest, 1004, "The account has as many tokens as it may have")
		return
	}
	t := *s.addLocked(Token{Name: q.Name, Policies: q.Policies, Condition: q.Condition, Expires: q.Expires, Issued: time.Now()})
	s.mu.Unlock()
	s.tell(Write{Created, t.ID, t.Name, t.Status})
	m := t.json()
	m["value"] = t.Value
	answer(w, m, nil)
}

// change replaces the whole token, but for its id and its value.
func (s *Server) change(w http.ResponseWriter, r *http.Request) {
	q, ok := read(r)
	s.mu.Lock()
	t := s.byIDLocked(r.PathValue("id"))
	if t == nil || t.Personal || !ok {
		s.mu.Unlock()
		if ok {
			notFound(w)
		} else {
			refuse(w, http.StatusBadRequest, 1001, "Invalid request body")
		}
		return
	}
	t.Name, t.Policies, t.Condition, t.Expires = q.Name, q.Policies, q.Condition, q.Expires
	if q.Status != "" && q.Status != t.Status {
		t.become(q.Status, false)
	}
	now := *t
	s.mu.Unlock()
	s.tell(Write{Switched, now.ID, now.Name, now.Status})
	answer(w, now.json(), nil)
}

func (s *Server) remove(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	t := s.byIDLocked(r.PathValue("id"))
	if t == nil || t.Personal {
		s.mu.Unlock()
		notFound(w)
		return
	}
	t.become(t.Status, true)
	id, name := t.ID, t.Name
	s.mu.Unlock()
	s.tell(Write{Deleted, id, name, Disabled})
	answer(w, map[string]string{"id": id}, nil)
}

// roll gives a token a new value under the same id. The old one dies at once.
func (s *Server) roll(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.byIDLocked(r.PathValue("id"))
	if t == nil || t.Personal {
		notFound(w)
		return
	}
	t.Value = "cfat_" + random(20) + random(4)
	s.rolls++
	answer(w, t.Value, nil)
}

func (s *Server) tell(what Write) {
	s.mu.Lock()
	hook := s.onWrite
	s.mu.Unlock()
	if hook != nil {
		hook(what)
	}
}
