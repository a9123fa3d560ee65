/* A throw-away engine for one network on AVX-512, from which Convoy began: what an engine may cut that has no tests, no
 * contract, no other tier and no other network. A mark to beat, on the machine at hand, and no example of style.
 *
 *     cc -O3 -march=native -fopenmp prototype.c -lm -o prototype && MNIST_DIR=... ./prototype THREADS EPOCHS */
#define _GNU_SOURCE
#include <immintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <math.h>
#include <omp.h>
#include <time.h>
#include <stdatomic.h>
#include <x86intrin.h>
typedef __m512 V; typedef __m512i VI;
#define AL __attribute__((aligned(64)))
static double now(void){struct timespec t;clock_gettime(CLOCK_MONOTONIC,&t);return t.tv_sec+1e-9*t.tv_nsec;}
static uint8_t *xtr,*ytr,*xte,*yte;
static uint8_t* rd(const char*n,int off,size_t len){FILE*f=fopen(n,"rb");fseek(f,off,0);uint8_t*p=aligned_alloc(64,len+4096);if(fread(p,1,len,f)!=len)exit(1);fclose(f);return p;}
// parameter block: w1[25][3] b1[3] w2[25][3][6] b2[6] w3[96][84] b3 w4[84][10] b4
enum {W1=0,B1=80,W2=96,B2=96+456,W3=96+464,B3=W3+8064,W4=B3+96,B4=W4+848,NP=B4+16};
static float P[NP+64] AL, VV[NP+64] AL;
#define MAXT 16
typedef struct { float x[784*16+256] AL; float xi[16][28*28+64] AL; float p1[432*16] AL,d1[432*16] AL; int32_t o1[432*16] AL;
 float p1t[16][432+64] AL;
 float p2[96*16] AL,d2[96*16] AL; int32_t o2[96*16] AL; float h3[84*16] AL,d3[84*16] AL; float g4[16*16] AL,g4t[16*16] AL; float g3[96*16] AL,g3t[16*96] AL;
 float g2[96*16] AL; float gm[64*6*16] AL; float g1[432*16] AL; float G[NP+64] AL; double loss; int corr; uint64_t cyc[16]; char pad[4096]; } WS;
static WS *ws[MAXT];
static inline V expv(V x){ // exp
  V n=_mm512_roundscale_ps(_mm512_mul_ps(x,_mm512_set1_ps(1.44269504f)),8);
  V r=_mm512_fnmadd_ps(n,_mm512_set1_ps(0.693359375f),x); r=_mm512_fnmadd_ps(n,_mm512_set1_ps(-2.12194440e-4f),r);
  V p=_mm512_set1_ps(1.9875691500e-4f);
  p=_mm512_fmadd_ps(p,r,_mm512_set1_ps(1.3981999507e-3f));p=_mm512_fmadd_ps(p,r,_mm512_set1_ps(8.3334519073e-3f));
  p=_mm512_fmadd_ps(p,r,_mm512_set1_ps(4.1665795894e-2f));p=_mm512_fmadd_ps(p,r,_mm512_set1_ps(1.6666665459e-1f));
  p=_mm512_fmadd_ps(p,r,_mm512_set1_ps(5.0000001201e-1f)); V r2=_mm512_mul_ps(r,r); p=_mm512_fmadd_ps(p,r2,r); p=_mm512_add_ps(p,_mm512_set1_ps(1.f));
  return _mm512_scalef_ps(p,n);}
static inline V sig(V z){ return _mm512_div_ps(_mm512_set1_ps(1.f),_mm512_add_ps(_mm512_set1_ps(1.f),expv(_mm512_sub_ps(_mm512_setzero_ps(),z))));}
static inline V B(const float*p){return _mm512_set1_ps(*p);}
static inline V L(const float*p){return _mm512_load_ps(p);}
static inline void S(float*p,V v){_mm512_store_ps(p,v);}
static void tr16(const float*s,int ls,float*d,int ld){ // 16x16 transpose
  V r[16],t[16]; for(int i=0;i<16;i++) r[i]=_mm512_loadu_ps(s+i*ls);
  for(int i=0;i<8;i++){ t[2*i]=_mm512_unpacklo_ps(r[2*i],r[2*i+1]); t[2*i+1]=_mm512_unpackhi_ps(r[2*i],r[2*i+1]); }
  for(int i=0;i<4;i++){ r[4*i]=_mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(t[4*i]),_mm512_castps_pd(t[4*i+2]))); r[4*i+1]=_mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(t[4*i]),_mm512_castps_pd(t[4*i+2])));
   r[4*i+2]=_mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(t[4*i+1]),_mm512_castps_pd(t[4*i+3]))); r[4*i+3]=_mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(t[4*i+1]),_mm512_castps_pd(t[4*i+3]))); }
  for(int i=0;i<4;i++){ t[i]=_mm512_shuffle_f32x4(r[i],r[i+4],0x88); t[i+4]=_mm512_shuffle_f32x4(r[i],r[i+4],0xdd); t[i+8]=_mm512_shuffle_f32x4(r[i+8],r[i+12],0x88); t[i+12]=_mm512_shuffle_f32x4(r[i+8],r[i+12],0xdd);}
  for(int i=0;i<4;i++){ r[i]=_mm512_shuffle_f32x4(t[i],t[i+8],0x88); r[i+8]=_mm512_shuffle_f32x4(t[i],t[i+8],0xdd); r[i+4]=_mm512_shuffle_f32x4(t[i+4],t[i+12],0x88); r[i+12]=_mm512_shuffle_f32x4(t[i+4],t[i+12],0xdd);}
  for(int i=0;i<16;i++) _mm512_storeu_ps(d+i*ld,r[i]);
}
static void loadimgs(WS*w,const uint8_t*X,const int*idx){
  for(int l=0;l<16;l++){ const uint8_t*s=X+(size_t)idx[l]*784; for(int i=0;i<784;i+=16) _mm512_storeu_ps(w->xi[l]+i,_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)(s+i))))); }
  for(int i=0;i<784;i+=16) tr16(w->xi[0]+i,28*28+64,w->x+i*16,16);
}
static inline __attribute__((always_inline)) void epi(V a00,V a01,V a10,V a11,float*p,float*d,int32_t*o,int base,int row){
  V a=_mm512_max_ps(_mm512_max_ps(a00,a01),_mm512_max_ps(a10,a11)), b=_mm512_min_ps(_mm512_min_ps(a00,a01),_mm512_min_ps(a10,a11));
  V sa=sig(a),sb=sig(b),va=_mm512_mul_ps(a,sa),vb=_mm512_mul_ps(b,sb);
  __mmask16 m=_mm512_cmp_ps_mask(vb,va,_CMP_GT_OQ); V v=_mm512_mask_blend_ps(m,va,vb),s=_mm512_mask_blend_ps(m,sa,sb),z=_mm512_mask_blend_ps(m,a,b);
  S(p,v); S(d,_mm512_fmadd_ps(v,_mm512_sub_ps(_mm512_set1_ps(1.f),s),s));
  VI off=_mm512_set1_epi32(base+row+1); off=_mm512_mask_blend_epi32(_mm512_cmp_ps_mask(z,a10,_CMP_EQ_OQ),off,_mm512_set1_epi32(base+row));
  off=_mm512_mask_blend_epi32(_mm512_cmp_ps_mask(z,a01,_CMP_EQ_OQ),off,_mm512_set1_epi32(base+1)); off=_mm512_mask_blend_epi32(_mm512_cmp_ps_mask(z,a00,_CMP_EQ_OQ),off,_mm512_set1_epi32(base));
  _mm512_store_si512(o,off);
}
static void conv1(WS*w){
  for(int oy=0;oy<24;oy+=2) for(int ox=0;ox<24;ox+=4){
    V acc[2][4][3]; for(int i=0;i<2;i++)for(int j=0;j<4;j++)for(int c=0;c<3;c++) acc[i][j][c]=B(P+B1+c);
    for(int ky=0;ky<5;ky++){ const float*x0=w->x+((oy+ky)*28+ox)*16; const float*k=P+W1+ky*15;
      #pragma GCC unroll 5
      for(int kx=0;kx<5;kx++){ V k0=B(k+kx*3),k1=B(k+kx*3+1),k2=B(k+kx*3+2);
        #pragma GCC unroll 2
        for(int i=0;i<2;i++)
        #pragma GCC unroll 4
        for(int j=0;j<4;j++){ V x=L(x0+(i*28+j+kx)*16); acc[i][j][0]=_mm512_fmadd_ps(x,k0,acc[i][j][0]); acc[i][j][1]=_mm512_fmadd_ps(x,k1,acc[i][j][1]); acc[i][j][2]=_mm512_fmadd_ps(x,k2,acc[i][j][2]); } } }
    #pragma GCC unroll 2
    for(int q=0;q<2;q++)
      #pragma GCC unroll 3
      for(int c=0;c<3;c++){ int e=(((oy/2)*12+ox/2+q)*3+c)*16; epi(acc[0][2*q][c],acc[0][2*q+1][c],acc[1][2*q][c],acc[1][2*q+1][c],w->p1+e,w->d1+e,w->o1+e,oy*28+ox+2*q,28); }
  }
}
static void conv2(WS*w){
  for(int oy=0;oy<8;oy+=2) for(int ox=0;ox<8;ox+=2){
    V acc[2][2][6]; for(int i=0;i<2;i++)for(int j=0;j<2;j++)for(int c=0;c<6;c++) acc[i][j][c]=B(P+B2+c);
    for(int ky=0;ky<5;ky++) 
    for(int t=0;t<15;t++){ const float*k=P+W2+(ky*15+t)*6; const float*x0=w->p1+((oy+ky)*36+ox*3+t)*16;
      V x00=L(x0),x01=L(x0+48),x10=L(x0+36*16),x11=L(x0+39*16);
      #pragma GCC unroll 6
      for(int c=0;c<6;c++){ V kk=B(k+c); acc[0][0][c]=_mm512_fmadd_ps(x00,kk,acc[0][0][c]); acc[0][1][c]=_mm512_fmadd_ps(x01,kk,acc[0][1][c]); acc[1][0][c]=_mm512_fmadd_ps(x10,kk,acc[1][0][c]); acc[1][1][c]=_mm512_fmadd_ps(x11,kk,acc[1][1][c]); } }
    #pragma GCC unroll 6
    for(int c=0;c<6;c++){ int e=(((oy/2)*4+ox/2)*6+c)*16; epi(acc[0][0][c],acc[0][1][c],acc[1][0][c],acc[1][1][c],w->p2+e,w->d2+e,w->o2+e,(oy*12+ox)*3,36); 
      // o2 offset in p1t units: dx adds 3 -> fix below
    }
  }
}
#define epi2 epi
static void dense1(WS*w){
  for(int n0=0;n0<84;n0+=28){ V a[28];
    #pragma GCC unroll 28
    for(int n=0;n<28;n++) a[n]=B(P+B3+n0+n);
    for(int k=0;k<96;k++){ V x=L(w->p2+k*16); const float*q=P+W3+k*84+n0;
      #pragma GCC unroll 28
      for(int n=0;n<28;n++) a[n]=_mm512_fmadd_ps(x,B(q+n),a[n]); }
    #pragma GCC unroll 28
    for(int n=0;n<28;n++) S(w->h3+(n0+n)*16,a[n]); }
  for(int n=0;n<84;n++){ V z=L(w->h3+n*16),s=sig(z),v=_mm512_mul_ps(z,s); S(w->h3+n*16,v); S(w->d3+n*16,_mm512_fmadd_ps(v,_mm512_sub_ps(_mm512_set1_ps(1.f),s),s)); }
}
static void dense2(WS*w,const uint8_t*y,const int*idx,float inv,int train){
  V a[10]; for(int n=0;n<10;n++) a[n]=B(P+B4+n);
  for(int k=0;k<84;k++){ V x=L(w->h3+k*16); const float*q=P+W4+k*10;
    #pragma GCC unroll 10
    for(int n=0;n<10;n++) a[n]=_mm512_fmadd_ps(x,B(q+n),a[n]); }
  V m=a[0]; for(int n=1;n<10;n++) m=_mm512_max_ps(m,a[n]);
  float z[10*16] AL; for(int n=0;n<10;n++) S(z+n*16,a[n]);
  float mx[16] AL; S(mx,m); V s=_mm512_setzero_ps(); V e[10]; for(int n=0;n<10;n++){ e[n]=expv(_mm512_sub_ps(a[n],m)); s=_mm512_add_ps(s,e[n]); }
  V r=_mm512_div_ps(_mm512_set1_ps(1.f),s); float ss[16] AL; S(ss,s);
  int32_t lab[16] AL; for(int l=0;l<16;l++){ lab[l]=y[idx[l]]; float zl=z[lab[l]*16+l]; w->loss+=logf(ss[l])+mx[l]-zl; w->corr+=(zl>=mx[l]); }
  VI lv=_mm512_load_si512(lab);
  if(train) for(int n=0;n<10;n++){ V p=_mm512_mul_ps(e[n],r); p=_mm512_mask_sub_ps(p,_mm512_cmpeq_epi32_mask(lv,_mm512_set1_epi32(n)),p,_mm512_set1_ps(1.f)); S(w->g4+n*16,_mm512_mul_ps(p,_mm512_set1_ps(inv))); }
}
static void bwd_dense(WS*w){
  tr16(w->g4,16,w->g4t,16);
  float*G=w->G;
  { V s[10]; for(int n=0;n<10;n++) G[B4+n]=_mm512_reduce_add_ps(L(w->g4+n*16)); (void)s; }
  for(int k0=0;k0<84;k0+=28){ V a[28];
    #pragma GCC unroll 28
    for(int k=0;k<28;k++) a[k]=_mm512_setzero_ps();
    for(int l=0;l<16;l++){ V g=L(w->g4t+l*16); const float*h=w->h3+k0*16+l;
      #pragma GCC unroll 28
      for(int k=0;k<28;k++) a[k]=_mm512_fmadd_ps(g,B(h+k*16),a[k]); }
    #pragma GCC unroll 28
    for(int k=0;k<28;k++) _mm512_mask_storeu_ps(G+W4+(k0+k)*10,0x3ff,a[k]); }
  V g4[10]; for(int n=0;n<10;n++) g4[n]=L(w->g4+n*16);
  for(int k=0;k<84;k++){ const float*q=P+W4+k*10; V a=_mm512_mul_ps(g4[0],B(q)),b=_mm512_mul_ps(g4[1],B(q+1));
    #pragma GCC unroll 4
    for(int n=2;n<10;n+=2){ a=_mm512_fmadd_ps(g4[n],B(q+n),a); b=_mm512_fmadd_ps(g4[n+1],B(q+n+1),b);} 
    S(w->g3+k*16,_mm512_mul_ps(_mm512_add_ps(a,b),L(w->d3+k*16))); }
  for(int t=0;t<6;t++) tr16(w->g3+t*256,16,w->g3t+t*16,96);
  { V s[6]; for(int t=0;t<6;t++){ s[t]=L(w->g3t+t*16); for(int l=1;l<16;l++) s[t]=_mm512_add_ps(s[t],L(w->g3t+l*96+t*16)); _mm512_mask_storeu_ps(G+B3+t*16,t<5?0xffff:0xf,s[t]); } }
  for(int k0=0;k0<96;k0+=4){ V a[4][6]; 
    #pragma GCC unroll 4
    for(int k=0;k<4;k++)
    #pragma GCC unroll 6
    for(int t=0;t<6;t++) a[k][t]=_mm512_setzero_ps();
    for(int l=0;l<16;l++){ const float*g=w->g3t+l*96; const float*x=w->p2+k0*16+l; V x0=B(x),x1=B(x+16),x2=B(x+32),x3=B(x+48);
      #pragma GCC unroll 6
      for(int t=0;t<6;t++){ V gg=L(g+t*16); a[0][t]=_mm512_fmadd_ps(gg,x0,a[0][t]);a[1][t]=_mm512_fmadd_ps(gg,x1,a[1][t]);a[2][t]=_mm512_fmadd_ps(gg,x2,a[2][t]);a[3][t]=_mm512_fmadd_ps(gg,x3,a[3][t]); } }
    #pragma GCC unroll 4
    for(int k=0;k<4;k++)
    #pragma GCC unroll 6
    for(int t=0;t<6;t++) _mm512_mask_storeu_ps(G+W3+(k0+k)*84+t*16,t<5?0xffff:0xf,a[k][t]); }
  for(int k0=0;k0<96;k0+=24){ V a[24]; 
    #pragma GCC unroll 24
    for(int k=0;k<24;k++) a[k]=_mm512_setzero_ps();
    for(int n=0;n<84;n++){ V g=L(w->g3+n*16); const float*q=P+W3+k0*84+n;
      #pragma GCC unroll 24
      for(int k=0;k<24;k++) a[k]=_mm512_fmadd_ps(g,B(q+k*84),a[k]); }
    #pragma GCC unroll 24
    for(int k=0;k<24;k++) S(w->g2+(k0+k)*16,_mm512_mul_ps(a[k],L(w->d2+(k0+k)*16))); }
}
static void bwd_conv2w(WS*w){ // patch lanes, sparse winners
  float*G=w->G; 
  V b[6]; for(int c=0;c<6;c++){ b[c]=L(w->g2+c*16); for(int p=1;p<16;p++) b[c]=_mm512_add_ps(b[c],L(w->g2+(p*6+c)*16)); G[B2+c]=_mm512_reduce_add_ps(b[c]); }
  V a[6][5]; 
  #pragma GCC unroll 6
  for(int c=0;c<6;c++)
  #pragma GCC unroll 5
  for(int k=0;k<5;k++) a[c][k]=_mm512_setzero_ps();
  for(int l=0;l<16;l++){ const float*img=w->p1t[l]; const float*g=w->g2+l; const int32_t*o=w->o2+l;
    for(int p=0;p<16;p++,g+=96,o+=96){
      #pragma GCC unroll 6
      for(int c=0;c<6;c++){ V gg=B(g+c*16); const float*q=img+o[c*16];
        #pragma GCC unroll 5
        for(int k=0;k<5;k++) a[c][k]=_mm512_fmadd_ps(gg,_mm512_loadu_ps(q+36*k),a[c][k]); } } }
  float t[16] AL; 
  #pragma GCC unroll 6
  for(int c=0;c<6;c++)
  #pragma GCC unroll 5
  for(int k=0;k<5;k++){ S(t,a[c][k]); for(int i=0;i<15;i++) G[W2+(k*15+i)*6+c]=t[i]; }
}
static void bwd_conv2x(WS*w){ // dense masked, lanes=batch
  VI z=_mm512_setzero_si512(); (void)z;
  for(int py=0;py<4;py++)for(int px=0;px<4;px++)for(int c=0;c<6;c++){ int e=((py*4+px)*6+c)*16; V g=L(w->g2+e); VI o=_mm512_load_si512(w->o2+e); int base=(2*py*12+2*px)*3;
    float*d=w->gm+((2*py*8+2*px)*6+c)*16;
    S(d,_mm512_maskz_mov_ps(_mm512_cmpeq_epi32_mask(o,_mm512_set1_epi32(base)),g)); S(d+96,_mm512_maskz_mov_ps(_mm512_cmpeq_epi32_mask(o,_mm512_set1_epi32(base+3)),g));
    S(d+8*96,_mm512_maskz_mov_ps(_mm512_cmpeq_epi32_mask(o,_mm512_set1_epi32(base+36)),g)); S(d+9*96,_mm512_maskz_mov_ps(_mm512_cmpeq_epi32_mask(o,_mm512_set1_epi32(base+39)),g)); }
  for(int y=0;y<12;y++) for(int x0=0;x0<12;x0+=4){ V a[4][3]; for(int j=0;j<4;j++)for(int c=0;c<3;c++)a[j][c]=_mm512_setzero_ps();
    int ya=y-4<0?0:y-4, yb=y>7?7:y;
    for(int gy=ya;gy<=yb;gy++){ int ky=y-gy; 
      for(int gx=(x0-4<0?0:x0-4);gx<=(x0+3>7?7:x0+3);gx++){ // kx = x0+j-gx
        int k0=x0-gx; // kx=k0+j
        for(int oc=0;oc<6;oc++){ V g=L(w->gm+((gy*8+gx)*6+oc)*16); const float*q=P+W2+(ky*15)*6+oc;
          #pragma GCC unroll 4
          for(int j=0;j<4;j++){ int kx=k0+j; if(kx<0||kx>4) continue; 
            a[j][0]=_mm512_fmadd_ps(g,B(q+kx*18),a[j][0]); a[j][1]=_mm512_fmadd_ps(g,B(q+kx*18+6),a[j][1]); a[j][2]=_mm512_fmadd_ps(g,B(q+kx*18+12),a[j][2]); } } } }
    for(int j=0;j<4;j++)for(int c=0;c<3;c++){ int e=((y*12+x0+j)*3+c)*16; S(w->g1+e,_mm512_mul_ps(a[j][c],L(w->d1+e))); } }
}
static void bwd_conv1w(WS*w){ float*G=w->G;
  V b[3]; for(int c=0;c<3;c++){ V s=_mm512_setzero_ps(),s2=s; for(int p=0;p<144;p+=2){ s=_mm512_add_ps(s,L(w->g1+(p*3+c)*16)); s2=_mm512_add_ps(s2,L(w->g1+(p*3+3+c)*16)); } G[B1+c]=_mm512_reduce_add_ps(_mm512_add_ps(s,s2)); } (void)b;
  __m256 a[3][5]; 
  #pragma GCC unroll 3
  for(int c=0;c<3;c++)
  #pragma GCC unroll 5
  for(int k=0;k<5;k++) a[c][k]=_mm256_setzero_ps();
  for(int l=0;l<16;l++){ const float*img=w->xi[l]; const float*g=w->g1+l; const int32_t*o=w->o1+l;
    for(int p=0;p<144;p++,g+=48,o+=48){
      #pragma GCC unroll 3
      for(int c=0;c<3;c++){ __m256 gg=_mm256_broadcast_ss(g+c*16); const float*q=img+o[c*16];
        #pragma GCC unroll 5
        for(int k=0;k<5;k++) a[c][k]=_mm256_fmadd_ps(gg,_mm256_loadu_ps(q+28*k),a[c][k]); } } }
  float t[8]; 
  #pragma GCC unroll 3
  for(int c=0;c<3;c++)
  #pragma GCC unroll 5
  for(int k=0;k<5;k++){ _mm256_storeu_ps(t,a[c][k]); for(int i=0;i<5;i++) G[W1+(k*5+i)*3+c]=t[i]; }
}
static struct {_Alignas(64) atomic_int c; _Alignas(64) atomic_int s; char pad[64];} bar;
static inline void barrier(int T,int*ls){ if(T==1)return; int s=*ls=!*ls; if(atomic_fetch_add(&bar.c,1)==T-1){ atomic_store(&bar.c,0); atomic_store(&bar.s,s);} else while(atomic_load_explicit(&bar.s,memory_order_acquire)!=s) _mm_pause(); }
static uint64_t rs=88172645463325252ULL; static inline uint64_t rnd(void){rs^=rs<<13;rs^=rs>>7;rs^=rs<<17;return rs;}
static void glorot(float*p,int n,int fi,int fo){ float l=sqrtf(6.f/(fi+fo)); for(int i=0;i<n;i++) p[i]=((rnd()>>40)*(1.f/16777216)*2-1)*l; }
int main(int c,char**v){ int T=c>1?atoi(v[1]):2, E=c>2?atoi(v[2]):10; if(c>3) rs=rs*2862933555777941757ULL+atoi(v[3])*3037000493ULL; int BS=c>4?atoi(v[4]):32;
  const char*D=getenv("MNIST_DIR"); char b[256]; 
  sprintf(b,"%s/train-images-idx3-ubyte",D); xtr=rd(b,16,47040000); sprintf(b,"%s/train-labels-idx1-ubyte",D); ytr=rd(b,8,60000); sprintf(b,"%s/t10k-images-idx3-ubyte",D); xte=rd(b,16,7840000); sprintf(b,"%s/t10k-labels-idx1-ubyte",D); yte=rd(b,8,10000);
  for(int i=0;i<10;i++)rnd(); glorot(P+W1,75,25,75); glorot(P+W2,450,75,150); glorot(P+W3,8064,96,84); glorot(P+W4,840,84,10);
  for(int t=0;t<T;t++){ ws[t]=aligned_alloc(4096,(sizeof(WS)+4095)/4096*4096); memset(ws[t],0,sizeof(WS)); }
  int*perm=malloc(4*60032); for(int i=0;i<60000;i++)perm[i]=i; int steps=60000/BS; if(BS!=16*T){ fprintf(stderr,"BS=%d T=%d: groups per thread %d\n",BS,T,BS/16/T);} 
  double tt=0;
  for(int e=0;e<E;e++){ double t0=now(); for(int i=59999;i>0;i--){ int j=(rnd()>>32)*(uint64_t)(i+1)>>32; int q=perm[i];perm[i]=perm[j];perm[j]=q; }
    #pragma omp parallel num_threads(T)
    { int t=omp_get_thread_num(); WS*w=ws[t]; w->loss=0;w->corr=0; int ls=atomic_load(&bar.s); 
      int lo=NP/16*t/T*16, hi=t==T-1?NP:NP/16*(t+1)/T*16; uint64_t*cy=w->cyc; int ng=BS/16/T; static float GA[MAXT][NP+64] AL;
      for(int s=0;s<steps;s++){ 
       for(int gi=0;gi<ng;gi++){ const int*idx=perm+s*BS+(gi*T+t)*16; uint64_t q0=__rdtsc(),q1;
        #define TK(i) q1=__rdtsc(); cy[i]+=q1-q0; q0=q1;
        loadimgs(w,xtr,idx); TK(0)
        for(int l=0;l<16&&s+1<steps;l++){ const uint8_t*pf=xtr+(size_t)idx[BS+l]*784; for(int k=0;k<784;k+=64)_mm_prefetch((const char*)pf+k,_MM_HINT_T1);} 
        conv1(w); TK(1) 
        conv2(w);
        // fix o2: epi used +1 for dx; dx must be 3 floats
        for(int i=0;i<96*16;i+=16){ VI o=_mm512_load_si512(w->o2+i); int pp=i/96; int base=((pp/4)*24+(pp%4)*2)*3; VI d=_mm512_sub_epi32(o,_mm512_set1_epi32(base)); 
          d=_mm512_mask_mov_epi32(d,_mm512_cmpeq_epi32_mask(d,_mm512_set1_epi32(1)),_mm512_set1_epi32(3)); d=_mm512_mask_mov_epi32(d,_mm512_cmpeq_epi32_mask(d,_mm512_set1_epi32(37)),_mm512_set1_epi32(39)); _mm512_store_si512(w->o2+i,_mm512_add_epi32(d,_mm512_set1_epi32(base))); }
        TK(2)
        dense1(w); TK(3) dense2(w,ytr,idx,1.f/BS,1); TK(4)
        bwd_dense(w); TK(5)
        for(int i=0;i<432;i+=16) tr16(w->p1+i*16,16,w->p1t[0]+i,432+64); TK(6)
        bwd_conv2w(w); TK(7) bwd_conv2x(w); TK(8) bwd_conv1w(w); TK(9)
        if(ng>1){ if(gi==0) memcpy(GA[t],w->G,sizeof(float)*NP); else for(int i=0;i<NP;i+=16) S(GA[t]+i,_mm512_add_ps(L(GA[t]+i),L(w->G+i))); }
       }
        uint64_t q0=__rdtsc(),q1;
        barrier(T,&ls); TK(10)
        for(int i=lo;i<hi;i+=16){ V g=L(ng>1?GA[0]+i:ws[0]->G+i); for(int u=1;u<T;u++) g=_mm512_add_ps(g,L(ng>1?GA[u]+i:ws[u]->G+i)); V vv=_mm512_fmadd_ps(_mm512_mul_ps(g,g),_mm512_set1_ps(0.1f),_mm512_mul_ps(L(VV+i),_mm512_set1_ps(0.9f))); S(VV+i,vv);
          S(P+i,_mm512_sub_ps(L(P+i),_mm512_div_ps(_mm512_mul_ps(g,_mm512_set1_ps(1e-3f)),_mm512_sqrt_ps(_mm512_add_ps(vv,_mm512_set1_ps(1e-7f)))))); }
        TK(11) barrier(T,&ls); TK(12)
      } }
    double t1=now()-t0; tt+=t1; double loss=0;int corr=0; for(int t=0;t<T;t++){loss+=ws[t]->loss;corr+=ws[t]->corr;}
    printf("epoch %d %.1f ms loss %.4f acc %.4f\n",e+1,t1*1e3,loss/(steps*BS),corr/(double)(steps*BS)); }
  double t0=now(); double loss=0; int corr=0; int id[16];
  WS*w=ws[0]; w->loss=0;w->corr=0; for(int i=0;i<10000;i+=16){ for(int l=0;l<16;l++)id[l]=i+l; loadimgs(w,xte,id); conv1(w);conv2(w);dense1(w);dense2(w,yte,id,0,0);} loss=w->loss;corr=w->corr;
  printf("train %.3f s; test loss %.4f acc %.4f (%.1f ms 1 thread)\n",tt,loss/10000,corr/10000.,(now()-t0)*1e3);
  const char*nm[]={"load","conv1","conv2","dense1","dense2","bwd_dense","p1t","conv2w","conv2x","conv1w","barrier1","opt","barrier2"}; double tot=0; for(int i=0;i<13;i++)tot+=ws[0]->cyc[i]; for(int i=0;i<13;i++) printf("%-9s %5.1f%%  %.0f tsc/img\n",nm[i],100*ws[0]->cyc[i]/tot,ws[0]->cyc[i]/(double)E/(60000./T)); printf("total %.0f tsc/img/thread\n",tot/E/(60000./T));
}
