// A Pub/Sub for the tests: Google's own fake behind TLS, service accounts and an outage that it survives, none of which
// it has.
//
// It serves until SIGTERM. SIGUSR1 shuts its port and breaks all connections, SIGUSR2 opens it again: what is stored
// stays, as it does when the service is away.
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

const (
	// The service refuses larger requests.
	maxRequest = 10 << 20
	// How long a pull waits for a message.
	maxPull = 20 * time.Second
)

func main() {
	port := flag.Int("port", 0, "where it serves, with TLS")
	plainPort := flag.Int("plain-port", 0, "where the fake itself serves, without any of it")
	folder := flag.String("folder", "", "where its certificate goes, and where users.json is")
	flag.Parse()

	fake := pstest.NewServerWithPort(*plainPort)
	fake.SetTimeNowFunc(increasing())
	certificate, err := makeCertificate(filepath.Join(*folder, "ca.pem"))
	if err != nil {
		log.Fatal(err)
	}
	users := users{file: filepath.Join(*folder, "users.json")}

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTERM)
	server := serve(*port, certificate, users, fake)
	for each := range signals {
		switch each {
		case syscall.SIGUSR1:
			server.Stop()
		case syscall.SIGUSR2:
			server = serve(*port, certificate, users, fake)
		default:
			return
		}
	}
}

func serve(port int, certificate tls.Certificate, users users, fake *pstest.Server) *grpc.Server {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(
		grpc.Creds(credentials.NewServerTLSFromCert(&certificate)),
		grpc.MaxRecvMsgSize(maxRequest),
		grpc.UnaryInterceptor(users.check),
	)
	pb.RegisterPublisherServer(server, &fake.GServer)
	pb.RegisterSubscriberServer(server, subscriber{&fake.GServer})
	go func() {
		if err := server.Serve(listener); err != nil {
			log.Print(err)
		}
	}()
	return server
}

type subscriber struct{ *pstest.GServer }

// Pull answers with the first message. The fake looks once more after half a second, and gives up.
func (s subscriber) Pull(ctx context.Context, asked *pb.PullRequest) (*pb.PullResponse, error) {
	now := &pb.PullRequest{
		Subscription:      asked.GetSubscription(),
		MaxMessages:       asked.GetMaxMessages(),
		ReturnImmediately: true,
	}
	until := time.Now().Add(maxPull)
	for {
		response, err := s.GServer.Pull(ctx, now)
		isOver := asked.ReturnImmediately || time.Now().After(until)
		if err != nil || isOver || len(response.ReceivedMessages) > 0 {
			return response, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// The fake knows by the time which message came first.
func increasing() func() time.Time {
	var mutex sync.Mutex
	var last time.Time
	return func() time.Time {
		mutex.Lock()
		defer mutex.Unlock()
		now := time.Now()
		if !now.After(last) {
			now = last.Add(time.Nanosecond)
		}
		last = now
		return now
	}
}
