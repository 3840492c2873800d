/* saying: the program of this example. It prints one of its texts: `saying`, or `saying NAME`. The texts lie in the folder that
 * $SAYINGS names, or in /usr/share/saying. It has no libc and no start files, so that the image needs no package for it.
 * Built by build.sh for x86_64 and aarch64. */

typedef unsigned long word;

enum { AT_FDCWD = -100, STDOUT = 1, STDERR = 2 };

#if defined(__x86_64__)
enum { SYS_read = 0, SYS_write = 1, SYS_exit = 60, SYS_openat = 257 };

static long call(long number, long a, long b, long c, long d) {
  long result;
  register long r10 __asm__("r10") = d;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
  return result;
}

/* The kernel leaves argc on the stack, aligned to 16 bytes; the call pushes what the ABI expects. */
__asm__(".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  call run\n");

#elif defined(__aarch64__)
enum { SYS_openat = 56, SYS_read = 63, SYS_write = 64, SYS_exit = 93 };

static long call(long number, long a, long b, long c, long d) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
}

__asm__(".globl _start\n_start:\n  mov x29, #0\n  mov x30, #0\n  mov x0, sp\n  bl run\n");

#else
#error "saying knows x86_64 and aarch64"
#endif

static word length_of(const char *text) {
  word length = 0;
  while (text[length] != 0) length++;
  return length;
}

static void put(int to, const char *text) { call(SYS_write, to, (long)text, (long)length_of(text), 0); }

/* Appends to the path; what does not fit is left out, and then there is no such file. */
static void append(char *path, word size, const char *text) {
  word at = length_of(path);
  while (*text != 0 && at + 1 < size) path[at++] = *text++;
  path[at] = 0;
}

/* The value of `NAME=value` if the entry is of this name. */
static const char *value_of(const char *entry, const char *name) {
  while (*name != 0 && *name == *entry) name++, entry++;
  return *name == 0 && *entry == '=' ? entry + 1 : 0;
}

__attribute__((noreturn, used)) void run(const word *stack) {
  static char path[4096], text[4096];
  word arguments = stack[0];
  const char *name = arguments > 1 ? (const char *)stack[2] : "welcome";
  const char *folder = "/usr/share/saying";
  /* The environment stands behind the arguments and a zero. */
  for (const word *entry = stack + 1 + arguments + 1; *entry != 0; entry++) {
    const char *value = value_of((const char *)*entry, "SAYINGS");
    if (value != 0) folder = value;
  }

  append(path, sizeof path, folder);
  append(path, sizeof path, "/");
  append(path, sizeof path, name);
  append(path, sizeof path, ".txt");
  long fd = call(SYS_openat, AT_FDCWD, (long)path, 0, 0);
  if (fd < 0) {
    put(STDERR, "saying: there is no ");
    put(STDERR, path);
    put(STDERR, "\n");
    call(SYS_exit, 1, 0, 0, 0);
  }
  for (long got = call(SYS_read, fd, (long)text, sizeof text, 0); got > 0;
       got = call(SYS_read, fd, (long)text, sizeof text, 0))
    call(SYS_write, STDOUT, (long)text, got, 0);
  call(SYS_exit, 0, 0, 0, 0);
  __builtin_unreachable();
}
