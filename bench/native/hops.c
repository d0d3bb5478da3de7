// hops WORK_US: two threads as the signing path has them, and nothing else: one waits on a condition, is told, computes
// for WORK_US microseconds, and tells the other by an eventfd, which that one waits for with epoll, as Node's loop
// does. One request a line: `run MS GAP`, GAP milliseconds apart. Answers {"there":[us of each],"back":[us of each]}:
// how long either takes to wake.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { kMostSamples = 1 << 20 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t told = PTHREAD_COND_INITIALIZER;
static int asked;
static int event;
static int64_t work;
static int64_t begun;
static int64_t done;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void* worker(void* nothing) {
  for (;;) {
    pthread_mutex_lock(&mutex);
    while (!asked) pthread_cond_wait(&told, &mutex);
    asked = 0;
    pthread_mutex_unlock(&mutex);
    begun = now();
    while (now() < begun + work) {
    }
    done = now();
    if (eventfd_write(event, 1) != 0) exit(1);
  }
  return nothing;
}

static void print(const char* name, const int64_t* samples, size_t count) {
  printf("\"%s\":[", name);
  for (size_t i = 0; i < count; ++i) printf("%s%.1f", i == 0 ? "" : ",", (double)samples[i] / 1e3);
  printf("]");
}

int main(int argc, char** argv) {
  static int64_t there[kMostSamples];
  static int64_t back[kMostSamples];
  if (argc != 2) {
    fputs("usage: hops WORK_US\n", stderr);
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  work = atol(argv[1]) * INT64_C(1000);
  event = eventfd(0, EFD_CLOEXEC);
  const int poll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event readable = {.events = EPOLLIN};
  pthread_t thread;
  if (event < 0 || poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, event, &readable) != 0 ||
      pthread_create(&thread, NULL, worker, NULL) != 0) {
    perror("hops");
    return 1;
  }
  puts("ready");
  char line[64];
  while (fgets(line, sizeof line, stdin) != NULL) {
    long milliseconds = 0;
    long gap = 0;
    if (sscanf(line, "run %ld %ld", &milliseconds, &gap) != 2) return 2;
    const struct timespec pause = {.tv_sec = gap / 1000, .tv_nsec = gap % 1000 * 1000000};
    const int64_t end = now() + milliseconds * INT64_C(1000000);
    size_t count = 0;
    while (now() < end && count < kMostSamples) {
      if (gap > 0) nanosleep(&pause, NULL);
      const int64_t before = now();
      pthread_mutex_lock(&mutex);
      asked = 1;
      pthread_mutex_unlock(&mutex);
      pthread_cond_signal(&told);
      if (epoll_wait(poll, &readable, 1, -1) != 1) return 1;
      const int64_t after = now();
      eventfd_t value;
      if (eventfd_read(event, &value) != 0) return 1;
      there[count] = begun - before;
      back[count++] = after - done;
    }
    printf("{");
    print("there", there, count);
    printf(",");
    print("back", back, count);
    puts("}");
  }
  return 0;
}
