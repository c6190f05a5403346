package upstash

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"rekey/internal/sandbox/wire"
)

func (s *Server) routes() {
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("GET /v2/redis/databases", s.member(func(w http.ResponseWriter, _ *http.Request) {
		all := []any{}
		for _, d := range s.databases {
			all = append(all, s.shown(d, false))
		}
		wire.JSON(w, http.StatusOK, all)
	}))
	s.mux.HandleFunc("GET /v2/redis/database/{id}", s.member(s.one(func(w http.ResponseWriter, r *http.Request, d *database) {
		wire.JSON(w, http.StatusOK, s.shown(d, r.URL.Query().Get("credentials") != "hide"))
	})))
	s.mux.HandleFunc("POST /v2/redis/reset-password/{id}", s.member(s.one(s.reset)))
	s.mux.HandleFunc("GET /v2/redis/stats/{id}", s.member(s.one(func(w http.ResponseWriter, _ *http.Request, d *database) {
		wire.JSON(w, http.StatusOK, map[string]any{"daily_net_commands": len(d.data)})
	})))
	s.mux.HandleFunc("GET /auditlogs", s.member(func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		wire.JSON(w, http.StatusOK, append([]any{}, s.audit...))
	}))
	s.mux.HandleFunc("GET /{database}/{command...}", s.command)
	s.mux.HandleFunc("POST /{database}", s.command)
	s.mux.HandleFunc("POST /{database}/{$}", s.command)
}

// member lets the account's key in.
func (s *Server) member(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if mail, key, _ := r.BasicAuth(); mail != Mail || key != s.key {
			wire.JSON(w, http.StatusUnauthorized, "Unauthorized")
			return
		}
		next(w, r)
	}
}

// one finds the database that a path names by its id.
func (s *Server) one(next func(http.ResponseWriter, *http.Request, *database)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, d := range s.databases {
			if d.id == r.PathValue("id") {
				next(w, r, d)
				return
			}
		}
		wire.JSON(w, http.StatusNotFound, "database not found")
	}
}

// shown is a database as the account's API describes it, with the credentials
// that its description leaves out.
func (s *Server) shown(d *database, whole bool) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := map[string]any{
		"database_id": d.id, "database_name": d.name, "endpoint": d.name, "state": "active", "type": "paid", "port": 6379, "tls": true,
		"region": "global", "db_acl_enabled": "true", "db_acl_default_user_status": "true", "creation_time": d.own[0].Made.Unix(),
	}
	if whole {
		o["password"], o["rest_token"], o["read_only_rest_token"] = d.current().Password, d.current().Token, d.current().ReadOnly
	}
	return o
}

// reset replaces a database's own credentials; the old ones are dead when the
// answer comes.
func (s *Server) reset(w http.ResponseWriter, _ *http.Request, d *database) {
	s.mu.Lock()
	ended := d.current().ID
	d.renew()
	s.audit = append(s.audit, map[string]any{
		"log_id": uuid(), "customer_id": Mail, "actor": Mail, "timestamp": time.Now().Unix(), "action_string": "Reset Password",
		"source": "API_KEY - rekey", "entity": d.name, "ip": "127.0.0.1", "ttl": time.Now().Add(30 * 24 * time.Hour).Unix(),
	})
	s.mu.Unlock()
	s.wrote(Write{Reset, ended, "default"})
	wire.JSON(w, http.StatusOK, s.shown(d, true))
}

// command is a database's REST API: a path of words, or an array in the body.
func (s *Server) command(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	d := s.byNameLocked(r.PathValue("database"))
	s.mu.Unlock()
	if d == nil {
		http.NotFound(w, r)
		return
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if token == "" {
		token = r.URL.Query().Get("_token")
	}
	s.mu.Lock()
	who := d.whose(token)
	s.mu.Unlock()
	if who == "" {
		wire.JSON(w, http.StatusUnauthorized, map[string]string{"error": noToken})
		return
	}
	words, ok := wordsOf(r)
	if !ok {
		wire.JSON(w, http.StatusBadRequest, map[string]string{"error": "ERR failed to parse command"})
		return
	}
	a, writes := s.do(d, who, words)
	for _, one := range writes {
		s.wrote(one)
	}
	a.json(w)
}

func wordsOf(r *http.Request) ([]string, bool) {
	if r.Method == http.MethodGet {
		words := strings.Split(strings.Trim(r.PathValue("command"), "/"), "/")
		return words, words[0] != ""
	}
	var words []string
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	return words, err == nil && json.Unmarshal(body, &words) == nil && len(words) > 0
}

func (a answer) json(w http.ResponseWriter) {
	var result any = a.text
	switch a.kind {
	case '-':
		wire.JSON(w, http.StatusBadRequest, map[string]string{"error": a.text})
		return
	case ':':
		result = a.number
	case '*':
		result = a.list
	case '0':
		result = nil
	}
	wire.JSON(w, http.StatusOK, map[string]any{"result": result})
}
