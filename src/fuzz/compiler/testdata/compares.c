#include <stdint.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>
__attribute__((noinline)) int ints(const uint8_t*p){ uint64_t v; memcpy(&v,p,8); int r=0;
 if(v==0x4142434445464748ull) r|=1;
 if((uint8_t)p[0]=='z') r|=2;
 uint32_t w; memcpy(&w,p,4); if(w>0x7f000000u) r|=4;
 if((int32_t)w<-5) r|=8;
 double d; memcpy(&d,p,8); if(d>3.5) r|=16;
 switch(p[1]){case 'a': r|=32; break; case 'Q': r|=64;break; case 7: r|=128;break; case 99: r*=3;}
 return r;}
__attribute__((noinline)) int texts(const char*p,size_t n){ int r=0;
 if(n>=8&&memcmp(p,"MAGICXYZ",8)==0) r|=1;
 if(strcmp(p,"hello world")<0) r|=2;
 if(strncmp(p,"hex",3)==0) r|=4;
 if(strcasecmp(p,"HELLO")==0) r|=8;
 if(strstr(p,"needle")) r|=16;
 return r;}
int LLVMFuzzerTestOneInput(const uint8_t*p,size_t n){ if(n<8) return 0; return ints(p)*1000+texts((const char*)p,n); }
