package app

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// inlined marks the variables whose values a build writes into scripts.
const inlined = "NEXT_PUBLIC_"

// scriptsAt is where all scripts are.
const scriptsAt = "/_next/static/chunks/"

// scripts are those of every build ever made: what is in front of the
// application keeps old ones, and pages of old builds go on loading them.
type scripts struct {
	mu    sync.Mutex
	files map[string]string // by path
}

// build leaves a build's scripts, the value in a chunk that only another chunk
// names, and returns the tags of its pages.
func (s *scripts) build(deployment string, values map[string]string) (tags string) {
	public := map[string]string{}
	for name, value := range values {
		if strings.HasPrefix(name, inlined) {
			public[name] = value
		}
	}
	if len(public) == 0 {
		return ""
	}
	body, _ := json.Marshal(public) // of strings: never fails
	sum := sha256.Sum256(append(body, deployment...))
	hash := hex.EncodeToString(sum[:8])
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files == nil {
		s.files = map[string]string{}
	}
	s.files[scriptsAt+"main-"+hash+".js"] = fmt.Sprintf(`(()=>{a.u=e=>"static/chunks/"+e+"."+({812:"%s"})[e]+".js"})();`, hash)
	s.files[scriptsAt+"812."+hash+".js"] = fmt.Sprintf("self.env=%s;", body)
	return fmt.Sprintf(`<script src="%smain-%s.js" async=""></script>`, scriptsAt, hash)
}

// serve answers for scripts, and leaves everything else to the application.
func (s *scripts) serve(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		text, known := s.files[r.URL.Path]
		s.mu.Unlock()
		if !known {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/javascript; charset=UTF-8")
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		_, _ = w.Write([]byte(text)) // the visitor may have gone
	})
}

// built are the values of a deployment: a restart keeps those that the last
// build wrote into scripts.
func built(rebuild bool, vault, running map[string]string) map[string]string {
	if rebuild {
		return vault
	}
	all := make(map[string]string, len(vault))
	for name, value := range vault {
		if old, there := running[name]; there && strings.HasPrefix(name, inlined) {
			value = old
		}
		all[name] = value
	}
	return all
}
